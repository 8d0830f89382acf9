CREAT& TABLE l  ) ;
 B.s = 'b' ;

SELECT l.id, r.id  (id INT, v  ;  BEGIN STATEMENT SET  
