 ;

ALTER TABLE orders RESET ( INT ;
