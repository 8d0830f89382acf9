;

CREATE FUNCTION lower_it AS 'org.example.LowerUDF' LANGUAGE  q  USING JAR .  '/tmp/udf.jar';
