    ;
CREATE VIEW bad (j) AS VALUES ( name );

SELECT   6  , ' [1] ' IS JSON, '''a''' IS JSON,  DATE '2024-01-01'  IS JSON, '[1,]' IS JSON
