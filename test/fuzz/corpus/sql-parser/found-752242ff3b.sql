;
CREATE TABLE items (item INT, name STRING, PRIMARY KEY (item)  ENFORCED);
       ;
CR`ATE TABLE h (k STRING, f STRING, v INT) WITH ('connector' = 'redis', 'host' = 'r', 'command' = 'HGET');
CREATE TABLE files (item INT, name STRING) WITH ('connector' = 'filesystem', 'path' = 'items', 'format' = 'json', 'lookup.cache' = 'NONE');

CREATE TABLE l (k STRING SUM(id) OVER w  v INT) WITH ('connector' = 'redis', 'host' = 'r', 'command' = 'LPUSH');
 CREATE TABLE items (item INT, name STRING, PRIMARY KEY (item)  ENFORCED) 
