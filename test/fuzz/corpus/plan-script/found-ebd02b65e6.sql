CREATE TABLE o (id INT, item INT, s STRING, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts);
CREATE TABLE items (item INT, name STRING, PRIMARY KEY ( n INT ) NOT ENFORCED);
CREATE TABLE db (item INT, name STRING, double_item AS item * 2) WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://db/shop',
   )  = 'items');
 CREATE TABLE t (i INT, j INT, s STRING, b BOOLEAN) ;
 PRICE_DOWN.price  WITH ('connector' = 'redis', 'host' = 'r', 'command' = 'HGET';
CREATE TABLE files (item INT, name STRING) WITH ('connector' = 'filesystem', 'path' = 'items', 'format' = 'json', 'lookup.cache'  'NONE');

 CREATE TABLE files (item INT, name STRING)  FROM o JOIN items FOR SYSTEM_TIME AS OF o.p AS i ON o.item = i.item
