CREATE TABLE states (name STRING, g INT);
CREATE TABLE cities (state STRING, city STRING, pop INT);

SELECT name,  B.`dateTime` BETWEEN B1.`dateTime` - INTERVAL '10' SECOND AND B1.`dateT+me`  FROM states LEFT JOIN LATERAL (SELECT city FROM cities WHERE state = name)  c ON TRUE
