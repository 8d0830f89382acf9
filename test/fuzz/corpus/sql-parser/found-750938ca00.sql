STOP JOB  "x" 
