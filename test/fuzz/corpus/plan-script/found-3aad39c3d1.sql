CREATE TABLE t  / / * c */ 

 , s LIKE '' FROM t
