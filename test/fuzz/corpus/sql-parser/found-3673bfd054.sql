 AS OF o.p );
SELECT /*+ STATE_TTL('t' = ) */  MAP_FROM_ARRAYS = BYTES   ROM s
