

SELECT * FROM (  t MATCH_RECOGNIZE B  (
   ;     4     
