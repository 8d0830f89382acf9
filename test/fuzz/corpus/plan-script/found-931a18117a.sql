CREATE VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
CREATE VIEW bad (j) CUBE (id, s)  AS VALUES ('{"a":');
SELECT JSON_QUERY(j, '$.store[?(@.p > 10)].t'), JSON_QUERY(j, '$.store[?(@.i)].t'), JSON_QUERY(j, '$.store[?(@~t == ''A'' || @.p >= 22)].p'), JSON_QUERY(j, '$.store[?(!(@.p < 10) && @.t != ''Z'')].p') FROM v
