 LIKE 'pers' ;

CREATE VIEW v AS SELECT id    orders;
CREATE VIEW IF NOT   ,  ALL  v AS SELECT item FROM orders;
CREATE VIEW v AS SELECT price FROM orders;
