 (  DATABASE d;
CREATE DATABASE IF X STRING   NOT ;  E	ISTS d  ; .s = 'b' ;    
