 v ;

SELECT ts + i * INTERVAL '1' HOUR, ts - INTERVAL '1' DAY * 2, d + INTERVAL '1' MONTH * '1'  i FROM t
