  ;

ALTER VIEW orders   ;     ;
