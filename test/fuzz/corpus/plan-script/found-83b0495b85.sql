CREATE TABLE a (id INT, v STRING);
CREATE TABLE b (id INT, aid INT);
CREATE TABLE <  c (id INT, bid INT);

SELECT a.v, b.id AS b, c.id AS c FROM a JOIN b ON b.aid = a.id JOIN c ON  NULL 
WHERE a.v <> 'y' AND b.id < 20 AND c.id <> 101
