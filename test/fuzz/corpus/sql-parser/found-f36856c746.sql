 ;
CREATE  =  bad (j) AS ;

SELECT JSON_VALUE(j, '$.n' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR) ;   CREATE TABLE p (s TIMESTAMP(3), e TIMESTAMP /*+ OPTIONS('a' = 'b') */ (3), v INT) 
