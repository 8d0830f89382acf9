;

ALTER TABLE p ADD PARTITION (d = 'x', h = 1);
ALTER TABLE p ADD IF NOT  WINDOW w AS (PARTITION BY id ORDER BY ts)   (  (d = 'x' P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA' , h = 1);
ALTER TABLE p ADD PARTITION (d<= 'x', h = 1);
