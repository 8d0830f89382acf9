CREATE TABLE g (id BIGINT, e AS TO_TIMESTAMP_LTZ(id * 1000, 3), WATERMARK FOR e AS e - INTERVAL '1' SECOND) WITH ('connector' = 'datagen', 'number-of-rows' = '5', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '5');
CREATE  ALTER TABLE t ADD  p ( DROP s TIMESTAMP(3), e TIMESTAMP(  n INT NOT NULL , n BIGINT);
SET 'table.local-time-zone' = 'UTC';
SET 'parallelism.default' = '1';
CREATE VIEW m AS SELECT id / 4 AS k, window_start AS ws, window_end AS we, window_time AS rt, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE g, DESCRIPTOR(e), INTERVAL '2' SECOND)) GROUP BY  '1' , window_end, window_time, id / 4;
 DROP TABLE non_exist ;
