SET 'execution.runtime-mode'  'batch';
 BIGINT  TABLE t (store STRING, amount INT);
 FULL JOIN ;
INSERT INTO p SELECT COUNT(*), COUNT(DISTINCT store), SUM(amount), AVG(amount), MIN(store) GROUP BY auction, (`dateTime`, 'yyyy-MM-dd')  UNION ALL  FROM *  t WHERE amount > 100;
 SELECT ,  ts   FROM t  FROM t  GROUP BY store CROSS JOIN ;
