CREATE TABLE t (a  NULL , a  STRING );
SELECT *  ,  t
