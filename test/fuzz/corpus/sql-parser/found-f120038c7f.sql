CREATE TABLE t  arr[1] ;

S;LECT a + , a *  ;  FROM t
