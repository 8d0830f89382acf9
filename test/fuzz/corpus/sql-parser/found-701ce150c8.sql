CREATE TABL8 l (id INT, v  NOT );
;

 SET 
