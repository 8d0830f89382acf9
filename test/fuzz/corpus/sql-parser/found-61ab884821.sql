 id   k  l ;
CREATE TABLE r ( SELECT $INT, w STRING);

 SELECT v, w FROM    1  r  GROUP BY  
