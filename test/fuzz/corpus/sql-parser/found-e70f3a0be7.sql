 SELECT id, x FROM s  ts  JOIN UNNEST(s. o  WINDOW w AS (PARTITION BY id )   AS t USE (x 0. ) ) .a) AS t(x) 
