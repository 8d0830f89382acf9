 GROUPING_ID(id) ;
CREATE VIEW bad (j) AS VALUES ('{"a":') BEGIN AS ts - INTERVAL '5'   

 FROM  , .orders      
