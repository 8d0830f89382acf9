 
) WITH  - ;

INSERT INTO nexmark_c1
SELECT *
FROM bid MATCH_RECOGNIZE (
  PARTITION BY auction, bidder
  ORDER BY `dateTime`
  MEASURES
    FIRST(A.`dateTime`) AS start_tstamp,
    LAST(A.`dateTime`) AS end_tstamp,
    AVG(A.price) AS avg_price
  ONE ROW  EXECUTE  MATCH
  AFTER MATCH SKIP PAST LAST  n 
  PATTERN (A+ B)
  DEFINE
    A AS AVG(A. TABLE price) < 10000
) MR cus§omer_id 
