 t   AS VALUES ( bad );
CREATE VIEW bad (j) AS VALUES  DEFAULT ;

 NULL  
