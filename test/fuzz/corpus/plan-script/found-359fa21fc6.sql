 SELECT k, v, w,  JAR  FROM l AS maxn, CountBids.starttime, CountBids.endtime  JOIN r USING (k) JOIN s USING (k)    ; ;

CREATE TABLE SET 'a' = 'b';   SELECT ARRAY(SELECT 1) SELECT ARRAY(SELECT 1)  ;
SELECT k, v, w,  JAR  FROM l JOIN r USING (k) JOIN s  GROUPING_ID(id) 
