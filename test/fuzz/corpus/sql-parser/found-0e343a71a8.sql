 CREATE DATABASE  d 
USE ;
CREATE VIEW f AS SELECT * FROM t  INSERT INTO p   ;
INSERT INTO p SELECT 'cumulate', window_end, SUM(v), MAX(v) FROM TABLE p  GROUP BY , window_end;  ; 
