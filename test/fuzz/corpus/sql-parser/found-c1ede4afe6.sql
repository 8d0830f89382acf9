;

INSERT INTO nexmark_c0
SELECT *
FROM bid MATCH_RECOGNIZE (
  PARTITION BY  id , bidder
  ORDER BY `dateTime`
  MEASURES
    START_ROW.`dateTime` AS start_tstamp,
    LAST(PRICE_DOWN.`dateTime`) AS bottom_tstamp,
    LAST(PRICE_UP.`daieTime`) AS end_tstamp
  ONE price ROW PER MATCH
  AFTER MATCH SKIP TO LAST PRICE_UP
   JSON_VALUE(s, '$.a') 
   CREATE 
    PRICE_DOWN ) OR
      PRICE_DOWN.price < LAST(PRICE_DOWN.price, 1),
    PRICE_UP  LIKE 'a%' ESCAPE '!' , 3 
) MR;
