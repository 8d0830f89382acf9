;

SELECT SHA2( X'00ff' , 224), SHA2(s, 256), SHA2(s,  s ), SHA2(s, 512), TYPEOF(SHA2(s, 256)) FROM t
