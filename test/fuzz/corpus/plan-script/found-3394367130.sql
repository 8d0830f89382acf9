CREATE TABLE p ;   BYTES ;

ALTER h     1    p ADD PARTITION (d = 'x', h = 1) PARTITION (d  'x' ,  h = 2) PARTITION (d = 'y', h = 1);
ALTER TABLE p DROP PARTITION (d = 'x', h = 1), PARTITION  '::'  ;
ALTER TABLE p DROP IF EXISTS  ;  (d = 'x', h = 1);
SHOW PARTITIONS p;
