CREATE VIEW v (j) AS VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"é","n":null,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1]}');
CREATE VIEW bad (j) AS VALUES ('{"a":');

   CREATE VIEW bad (j) AS VALUES ('{"a":')  
