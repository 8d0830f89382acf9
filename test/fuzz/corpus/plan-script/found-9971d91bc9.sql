 LISTAGG(s, ',') ;

  ;
SELECT k FROM (SEL¥CT *, ROW_NUMBER()  AS rn FROM m)  , '$.a'  
