SET pipeline.name  x;
SET execution.runtime-mode= IN (SELECT id FROM t) ;
SET;
