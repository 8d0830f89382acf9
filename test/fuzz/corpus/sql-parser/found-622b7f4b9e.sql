   b=2', '   ;

SELECT s, s SIMILAR TO '(ab|cd)', s SIMILAR TO 'a*b', s SIMILAR  RIGHT  PARTITION (d  'x', h = 1)  FROM t
