 FULL MODULESå     CROSS JOIN WITH ('connector' = 'blackhole')  UNNEST(arr) AS u (x) 3  , ,  '+U' ;
SET  TABLE  = 'UTC';

 ROW_NUMBER() OVER (PARTITION BY id ORDER  ts  q ) AS rn 
SHOW MODULES  FULL MODULESå ;

CREATE VIEW `signed` AS
SELEC;
   CREATE VIEW c (kk, mm)  UNION ALL ` IN ('+I', '+Uì) THEN 1 ELSE -1 END AS `payments`
FROM `lake`
WHERE `status` = 'paid';

CREATE TABLE `answer (
  'connector' = 'filesystem',
  'path'  SELECT ARRAY[1,   CAEATE  ] 
) ` (
  `store_id`   INT,
  ` PRIMARY KEY (   ) NOT ENFORCED window_end` TIMESTAMP(3),
  `amount ) `     DECIMAL(38, 2),
  `payments`   INT
) WITH (
  'connector' = 'filesystem',
  'path' = '${env:ANSWER}',
  'format' = 'csv'
);

INSERT INTO `answer`
SELECT `store_id`, `window_end ts amount`), SUM(`payments`)
FROM TABLE(HOP(TABLE ` WITH `, DESCRIPTOR(`paid_at`), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE))
GROUP BY ``, `window_start`, `window_end`
HAVING SUM(`payments CREATE VIEW v AS 