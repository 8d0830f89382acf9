CREATE TABLE t1 (a INT) WITH ('connector'='datagen');
CREATE TABLE o (a INT) WITH ('connector'='blackhole');
INSERT INTO o SELECT x.d FROM (SELECT bad, a, a AS b, a AS c, a AS d FROM t1) x JOIN t1 y ON x.d = y.a AND x.c > y.a;
INSERT INTO o SELECT x.d FROM (SELECT bad, a, a AS b, a AS c, a AS d FROM t1) x JOIN (SELECT bad, a, a AS b, a AS c, a AS d FROM t1) y ON x.d = y.d AND x.c > y.c WHERE x.b < 3;
INSERT INTO o SELECT SUM(x.d) FROM (SELECT bad, a, a AS b, a AS c, a AS d FROM t1) x GROUP BY x.c;
INSERT INTO o SELECT d FROM (SELECT bad, a, a AS b, a AS c, a AS d FROM t1) UNION SELECT a FROM t1;
