 ;
CREATE VIEW bad ( ON a.id = b.id j) AS VALUES ('{"a":');

SELECT JSON_QUERY( '$.a.*' , '$.store[*].p'), JSON_QUERY(j, '$.store[*].zz'), JSON_QUERY(j, '$.a.*') SELECT JSON_QUERY( '$.a.*' , '$.store[*].p'), JSON_QUERY(j, '$.store[*].zz'), JSON_QUERY(j, '$.a.*')  FROM v
