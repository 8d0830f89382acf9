STOP JOB  FOR  o  AS OF o.ts ;
