SET 'execution.checkpointing.intervall' = '10 s';
SET 'execution.checkpointing.interval' = 'ten';
SET 'execution.runtime-mode' = 'straming';
CREATE TABLE orders (id BIGINT, user_id BIGINT, amount DECIMAL(12,2), status STRING, ts TIMESTAMP(3), epoch BIGINT,
 total AS amount * 2, bad AS total + 1,
 WATERMARK FOR tss AS ts - INTERVAL '5' SECOND) WITH ('connector'='datagen');
CREATE TABLE o (id BIGINT, user_id BIGINT, amount DECIMAL(12,2), status STRING, ts TIMESTAMP(3), epoch BIGINT,
 WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='datagen', 'rows-per-secnd'='x', 'fields.id.kind'='sequense');
CREATE TABLE p (id BIGINT, x STRING) WITH ('connector'='prnt');
CREATE TABLE ok (id BIGINT, x STRING) WITH ('connector'='print');
CREATE TABLE f (status STRING, n BIGINT) WITH ('connector'='filesystem','path'='/x','format'='json');
INSERT INTO ok SELECT idd, statis FROM o WHERE amout > 1 AND SUM(amount) > 2;
INSERT INTO ok SELECT id, amount FROM o;
INSERT INTO ok SELECT id FROM o;
INSERT INTO p SELECT id, status FROM oo;
INSERT INTO ok SELECT id, UPPPER(status) FROM o GROUP BY id;
INSERT INTO f SELECT status, COUNT(*) FROM o GROUP BY status;
INSERT INTO ok SELECT id, status FROM TABLE(HOP(TABLE o, DESCRIPTOR(epoch), INTERVAL '30' MINUTE, INTERVAL '1' MINUTE)) ;
INSERT INTO ok SELECT o.id, 'a' FROM o JOIN f ON o.status = f.status;
INSERT INTO ok SELECT id, '1' + 2 FROM o ORDER BY id;
SELECT 1;
