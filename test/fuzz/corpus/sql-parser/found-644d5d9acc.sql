  AS  s   WITH ('connector' = 'blackhole');

INSERT INTO nexmark_q15
SELECT
  DATE_FORMAT(`dateTime`, 'yyyy-MM-dd') AS `day`,
  count() AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
  count(*) FILTER ( , WHERE price >= 10000 AND price < 1000000) ;     CURRENT_TIMESTAMP   ;   ALTER TABLE p ADD PARTITION (d = '2024-01-02', h = 1)   AS total_bidders,
  count(DISTINCT bidder)  ;
