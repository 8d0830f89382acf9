 BIGINT  TABLE v (s STRING);

 CREATE TABLE g (id BIGINT, e AS TO_TIMESTAMP_LTZ(id * 1000,  'fields.id.start' = '1' ), WATERMARK FOR e AS e - INTERVAL '1' SECOND) WITH ('connector' = 'datagen', 'number-of-rows' = '5', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '5') 
