;

CREATE CATALOG cat_comment COMMENT  TRY_CAST(a  ) 'catalog'''  GROUPING_ID(id) ;
 ;
 s.a ;
