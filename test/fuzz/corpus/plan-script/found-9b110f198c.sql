CREATE VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
CREATE VIEW bad (j) AS VALUES ('{"a":');

SELECT JSON_VALUE('{"k":1e10,"l":0.00001,"m":-0.0}', '$.k'), JSON_VALUE( '{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}' , '$.l'), JSON_VALUE('[12345678901]', '$[0]')
