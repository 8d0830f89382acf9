 EXECUTE STATEMENT SET BEGIN  'pipeline.name'   LATERAL  ;
 / ;
SET;
