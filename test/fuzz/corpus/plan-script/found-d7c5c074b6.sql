CREATE TABLE  )  (k STRING, n INT);
 CREATE VIEW a (k, n) AS VALUES ('x', 1), ( c 'y', ), ('z' q  3) ;
CREATE VIEW b AS SELECT k, n * 10 AS m FROM a WHERE n > 1;
 window_start  AS SELECT k, m FROM b;
INSERT INTO p WITH dUAS (SELECT kk, mm + 1 AS mm FROM c) SELECT q.kk, q. NOT mm FROM ( FROM  WHERE mm > 21) AS q;
