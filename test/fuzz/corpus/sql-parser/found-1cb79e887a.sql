;

ALTER TABLE p DROP PARTITION (d = 'x', h = 1 AND );
