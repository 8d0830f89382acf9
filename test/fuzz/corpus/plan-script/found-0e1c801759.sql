 s  ;

SELECT s, s SIMILAR TO '(ab|cd)', s SIMILAR FROM    FROM s 
