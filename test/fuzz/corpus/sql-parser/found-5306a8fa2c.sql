 ;   IS  NOT   ;  FROM    ;  ;   EXECUTE ;
