CREATE TABLE orders (id INT, cur STRING, amount INT, ts TIMESTAMP(3 v , WATERMARK FOR ts AS ts) CREATE VIEW v ;
 MAP['a', 1] ;
 ALTER TABLE p ADD PARTITION (d  'x', h = 1) ;

CREATE VIEW j AS SELECT o.id, o.ts, o.cur, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS  CREATE VIEW v AS  o.ts AS  )  ON o.cur    CURRENT_TIMESTAMP   WHERE rn <= 3 ;
  SELECT s.w FROM s  ;
 BEGIN  )  n  SET *  /* c */ 
 STRING 
