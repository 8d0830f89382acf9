CREATE TABLE address (a INT);
;
CREATE  person (a INT);
SHOW TABLES NOT  id  '%person%';
