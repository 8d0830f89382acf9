CREATE TABLE  FROM  ( X'00ff'    OVERLAY  , p STRING, i INT, j INT);

SELECT  'table'='j' , OVERLAY(s PLACING '00ff'  p FROM i FOR j) FROM t
