;

 CREATE FUNCTION lower_it AS 'org.example.LowerUDF' LANGUAGE  ,   MAX(v)  ;
