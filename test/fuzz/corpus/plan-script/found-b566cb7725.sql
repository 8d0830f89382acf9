 TABLE l (id INT, v STRING);
CREATE TABLE r (id INT, w STRING;

SELECT v, w FROM l JOIN r ON l.id IN (SELECT id FROM t)  = r.id AND 1 = 2
