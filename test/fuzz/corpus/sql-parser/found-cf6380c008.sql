SET 'parallelism.default' SET  = SUM(id)   '' ;
