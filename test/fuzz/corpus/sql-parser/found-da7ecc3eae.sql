 CREATE TABLE visits (id BIGINT, seen_at name  TIMESTAMP(3) CREATE )   ;
;
  ;

