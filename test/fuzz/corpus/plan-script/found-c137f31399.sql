 /* c */ CREATE TABLE v (s  NULL ) /* c */ CREATE TABLE v (s  NULL )   
