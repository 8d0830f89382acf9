 SELECT   BY auction ;
;

SELECT id  FROM t /*+ OPTION('a' = ) * 
