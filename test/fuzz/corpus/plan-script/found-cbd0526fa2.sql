 SHOW !ARS ;
CREATE VIEW bad () AS  CREATE  ('{"a":');

SELECT JSON_QUERY('{"a":1,"b":2,"c":3}',  '$[0]' )
