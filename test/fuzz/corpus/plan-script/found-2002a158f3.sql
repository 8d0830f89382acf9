    id    ;

REPLACE TABLE t AS SELECT item FROM orders;
