   ;

CREATE TABLE t ( id  INT, `half` AS id / 2) LIKE base ( PARTITIONS);
SHOW  PRIMARY  TABLE t;
