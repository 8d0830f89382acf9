  AS ARRAY<INT>    ;

ALTER TABLE orders RENAME ts ;   * ;
