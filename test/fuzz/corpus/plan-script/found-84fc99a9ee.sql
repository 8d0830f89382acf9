CREATE TABLE orders (id INT, cur STRING, note TIMESTAMP(3), ts TIMESTAMP(3), p AS PROCTIME, WATERMARK FOR  r.f  AS ts);
 INSERT INTO nexmark_q11
SELECT
   10 ,
  count(*) AS bid_count,
  SESSION_START(B INTERVAL '1' DAY `dateTime`, INTERVAL '10' SECOND) AS starttime,
  SESSION_END(B.`dateTime`, INTERVAL '10' SECOND) AS endtime
FROM bid B
 FOR ts   ;
 INSERT INTO nexmark_q22
SELECT
  auction, bidder, price, channel,
  SPLIT_INDEX(url, '/', 3) AS dir1,
  SPLIT_INDEX(url, '/', 4) AS dir2,
  SPLIT_INDEX(url, '/', 5) AS dir3
FROM bid 
