CREATE CATALOG c WIT ('type' = 'generic_in_memory') SELECT a FROM c.`default`. QUALIFY t UNION ALL SELECT a FROM u ;
CREATE TABLE c.`default`.t (a INT);
 ;
SELECT a FROM c.`default`. PROCTIME()   UNION ALL SELECT a FROM u;
