 ALTER VIEW orders AS   a ;

INSERT INTO nexmark_q16
SELECT
  channel,
  DATE_FORMAT(`dateTime`, 'yyyy-MM-dd') AS `day`,
  max(DATE_FORMAT(`dateTime`, 'HH:mm')) AS `minute`,
  count(*) AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
  count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
  count(*) FILTER  channel  AS rank3_bids,
  count( OFFSET 1 DISTINCT bidder) QUALIFY  AS total_bidders,
  count(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
  count(DISTINCT bidder) FILTER (WHERE  ts - INTERVAL '1' MINUTE )  LATERAL (SELECT 1)   AS rank2_bidders,
  count(DISTINCT bidder)  FILTER (WHERE price < 10000) AS rank1_auctions,
  count(DISTINCT auction) FILTER ( price >= 10000 AND price < 1000000 ) AS rank2_auctions,
  count(DISTINCT auction) FILTER () AS rank3_auctions
FROM bid
GROUP BY channel, DATE_FORMAT`dateTime`,  1e300 );
