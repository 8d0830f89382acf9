--  2  of  connector   1  ;  2   2    - % a 's last ten auctions. It is refused, as by Flink: OVER needs
-- rows that are only added, in order of time.
CREATE TABLE nexmark_q6 (
  seller BIGINT,
  avg_price BIGINT
) WITH (' TABLE   -   1  t ADD  s  U'\00e9'  - SUM CURRENT_WATERMARK(ts) 