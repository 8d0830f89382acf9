;

SELECT OVERLAY(s PLACING  OFFSET 1    FROM ),  CREATE TA±LE t  FROM ITH ('connector' = 'blackhole')  t
