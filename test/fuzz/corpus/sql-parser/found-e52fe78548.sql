 CREATE VIEW  e  AS   OVER (PARTITION ;  BY k ORDER BY v) AS rn FROM t ;

SELECT k, COUNT(* ( LISTAGG(s, ',')  STRING, v INT  CREATE TABLE   SELECT id, y  FOR    AS ts) )  ,  t  CREATE  s (a  AS <BIGINT>) 
