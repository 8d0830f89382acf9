  AS ) PARTITIONED BY (d, h);

ALTER TABLE p ADD PARTITION (d = 'x', h = 1) PARTITION (d = 'x', h = 2) PARTITION (d d  = 'y', h = 1);
SHOW PARTITIONS p PARTITION (h = 1);
SHOW PARTITIONS p PARTITION (d = 'z');
