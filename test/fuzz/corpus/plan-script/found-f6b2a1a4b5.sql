 AS  ,  ();
CREATE VIEW bad (j) AS VALUES ('{"a":');

SELECT JSON_VALUE( DEFAULT j s. '' .* , '$.zz' RETURNING NULL   ;  DEFAULT 7 ON ERROR) FROM v
