CREATE TABLE t (id INT, v STRING);
CREATE TABLE u (id INT, w STRING);

SET 'table.dynamic-table-options.enabled' SET 'a' = 'b';  = 'false';
SELECT id FROM t /*+ OPTIONS('a' = 'b') */
