USE MODULES core, /+ OPTIONS('a' = 'b' */  ;
