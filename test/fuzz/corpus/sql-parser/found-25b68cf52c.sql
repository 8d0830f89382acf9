;

CREATE FUNCTION lower_it AS 'org.example.LowerUDF' LANGUAGE JAVA USING  .5 ;
