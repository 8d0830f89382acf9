 GROUPING_ID(id) ;
SELECT id, x FROM s CROSS JOIN UNNEST(a)  ,  t(x) WHERE x > 5 AND id < 3
