   ;   ;

ALTER TABLE orders RENAME arr[1  ts TO  ) ;
