  PARTITIONED BY (d,  () NOT ENFORCED );

ALTER TABLE p ADD PARTITION (d = 'x', h = 1) WITH (
  'connector' = 'mysql-cdc',
   )  ,
  'port' = '${env:MYSQL_PORT}',
    ALTER 
) INSERT INTO `lake` ;
 WITH (
  'connector' = 'mysql-cdc',
   )  ,
  'port' = '${env:MYSQL_PORT}', ;
 SELECT * FROM  GROUPING_ID(id)   JOIN  JOIN ;
