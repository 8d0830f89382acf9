SET 'parallelism.default'  ;    AS  ;   ;
