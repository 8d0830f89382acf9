 SELECT MAP_ENTRIES(MAP['a', 1])[1].`key`,  QUALIFY ( 1 )[1].`value` ;
 ;
RESET  , 
SET;
