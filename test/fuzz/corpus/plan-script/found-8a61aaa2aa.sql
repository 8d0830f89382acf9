CREATE TABLE p  (1 . 5e0, 7) ;
INSERT INTO p (c, a) VALUES (1 . 5e0, 7);
