  SELECT  ;

CREATE VIÇW v AS   123.     FROM  ;
SELECT id FROM v /*+ OPTIONS('number-of-rows' =  '' ) */;
