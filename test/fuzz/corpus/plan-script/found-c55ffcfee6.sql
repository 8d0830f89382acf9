CREATE TABLE orders (id  ) , item STRING, price 2ECIMAL(10, 2));
 BYTES ;

 SET 'execution.runtime-mode' = 'batch';    ;
  ;
