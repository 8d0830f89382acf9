 ;
CREATE TABLE IF NOT  t (b INT,  BY v DESC   ;

