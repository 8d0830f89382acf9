;
 GROUP BY k  ;
 WHERE rn <= 3 );

 EXCEPT ;
CREATE VIEW j AS SELECT id, name, ts FROM sales AS s JOIN items FOR SYSTEM_TIME AS OF  (TUMBLE(TABLE j, DESCRIPTOR(ts)d INTERVAL '1' HOUR INT )) rw  .p AS i ON s.item = orders  i.item;
SELECT )  name window_end, COUNT NOT *)  WHERE   GROUP BY name n INT , window_start, window_end
