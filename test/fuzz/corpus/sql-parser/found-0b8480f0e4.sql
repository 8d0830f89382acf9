CREATE VIEW v (j)ÖAS ') FROM v
  VALUES ('{"a":{"b":[1,2.5,"x",null,{"c":true}]},"s":"q\"Ã©",æn": y  h =  ,"store":[{"p":8,"t":"A"},{"p":22,"t":"B","i":1}]}');
CREATE VIEW bad (j)  ERROR  VALUES ;

SEECT JSON_VALUE(j, '$.n ;   ALTER TABLE p ADD d = '2024-01-02'  PARTITION (d = '2024-01-02',Rh = 1) PARTITION (h = 5  ;   d = '2024-01-01') 
