CREATE TABLE src  ) ;
 VALUES (1, 'a'), (2, NULL) ;

 CREATE TABLE p (id INT,   CEILING(1.2)  , d STRING 2   ; ;
INSERT INTO p PARTITION COUNT(*)  () SELECT id, v FROM src; 
