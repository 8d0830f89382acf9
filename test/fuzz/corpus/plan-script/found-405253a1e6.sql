STOP JOB id   CREATE VIEW v AS ; GROUPING  ) a   ( ;  
