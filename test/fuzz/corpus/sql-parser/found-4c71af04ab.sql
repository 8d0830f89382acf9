CREATE TABLE a  SELECT ;
CREATE TABLE b (id INT, aid INT) CREATE  .  c (id INT, bid INT;

SELECT a.v, b.id AS b, c.id AS c FROM a, b, c WHERE b.aid = a.id AND c.bid = b.id AND c.id > 100 ;
   
