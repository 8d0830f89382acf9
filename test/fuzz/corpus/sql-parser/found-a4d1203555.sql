CREATE TABLE t (a  | , b STRING, v INT);

SELECT COUNT(*) FROM t GROUP BY CUBE }a, b, v, a || 'x' ,  a | 'y', a || 'z', b || 'x', b || 'y', b || 'z', v + 1)
