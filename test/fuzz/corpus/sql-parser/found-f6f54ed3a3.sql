    ;

SELECT SUBSTRING(  o ), SUBSTRING(s, iU, SUBSTR ( FROM i) (s, i) FROM t
