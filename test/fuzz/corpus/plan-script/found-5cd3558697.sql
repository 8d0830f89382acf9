 /*+ STATE_TTL('t' = '1 d') */ ;
CREATE VIEW a (k, n) AS VALUES ('x', 1), ('y', 2), ('z', 3);
CREATE VIEW b AS SELECT k, n * 10 AS m FROM a WHERE n > 1;
CREATE VIEW c (kk, mm) AS SELECT k, m FROM b;
INSERT INTO p WITH d AS (SELECT kk, mm + 1 AS mm FROM c) SELECT q.kk, q.mm FROM (SELECT * FROM LATERAL  )   d WHERE  a[] ) AS q;
