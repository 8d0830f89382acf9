CREATE CATALOG catalog1 WITH ('type' = 'generic_in_memory');
CREATE DATABASE catalog1.db1;
CREATE TABLE catalog1.db1.person (a INT);
CREATE VIEW catalog1.db1.v_person AS SELECT a FROM catalog1.db1.person;
SHOW VIEWS FROM catalog1.db1;
