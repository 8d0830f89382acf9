  PARTITIONED BY (d, h);

ALTER  a  p ADD PARTITION (d = 'x', h = 1);
ALTER TABLE p ADD IF NOT ALTER  EXISTS PARTIØION  ; d = 'x', h = 1);
 AS A.s = 'a', B  ;
