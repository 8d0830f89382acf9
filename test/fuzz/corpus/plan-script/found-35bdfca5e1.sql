  j  ;
 SET   'table.local-time-zone'   = '2' ;  WINDOW w AS   j   ;
SET;
