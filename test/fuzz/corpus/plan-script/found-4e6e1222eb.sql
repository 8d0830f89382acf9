CREATE CATALOG c WITH ('type' = 'generic_in_memory');
;
CREATE TABLE u (a INT);
SELECT a FROM c.`default`.t UNION ALL SELECT a FROM u;
