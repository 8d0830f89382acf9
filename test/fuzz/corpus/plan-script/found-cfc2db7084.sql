  SET .  execution.runtime-= U&'\00e9'  )  execution.runtime-=streaming ; ;
SET .  execution.runtime-= U&'\00e9' ;
SET;
