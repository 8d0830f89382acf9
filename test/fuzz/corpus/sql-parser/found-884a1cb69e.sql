      ;

SELECT BIN(i) FROM t , 
