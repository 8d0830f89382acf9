 SELECT s.w FROM s  ;

INSERT INTO nexmark_c1
SELECT *
FROM bid MATCH_RECOGNIZE (
  PARTITION BY auction, bidder
  ORDER BY `dateTime`
  MEASURES
    FIRST(A.`dateTime`) AS start_tstamp,
    LAST(A.`dateTime`) AS end_tstamp,
    AVG(A.price) AS avg_price
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST .  ROW
  PATTERN (A+ B)
   FROM s  AS AVG( j ) < 10000
) MR;
