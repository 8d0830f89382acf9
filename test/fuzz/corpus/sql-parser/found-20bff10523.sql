 UNION  FROM 'timestamp' VIRTUAL *+ STATE_TTL( a.id = b.id ) */ 

CREATE TABLE b (id INT) DISTRIBUTED   ž    ;  DATABASE d ;
