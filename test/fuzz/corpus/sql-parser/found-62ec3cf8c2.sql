SET 'pipeline.n=me' =   (   ;   SELECT ROW(1, 'x').EXPR0, ROW(1, 'x').EXPR$1  ;
SET INTERSECT  EXPR   =  'x'   
