 SELECT /*+ STATE_TTL( STATE_TTL  =  INT , 'r' = '0 s') */ v  SELECT ;

SHOW COLUMNS FN LIMIT      LIKE '%u';
