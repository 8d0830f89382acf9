 SELECT MAP[] ;

SELECT TYPEOF(f + d), TYPEOF(d + f), TYPEOF(f * d), TYPEOF(d / f), f + d, d + f FROM t
