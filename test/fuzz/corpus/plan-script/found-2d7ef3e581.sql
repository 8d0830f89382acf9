   ;
ALTER TEMPORARY  ;   id    ; ;
