 FROM 
INSERT INTO p (b) ;

SELECT k, v, window_start, window_end FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(pt,  s STRING ))
