CREATE CATALOG `mod` WITH ( `select`  = 'generic_in_memory');
USE CATALOG JOIN  `mod`;
USE `default`;
CREATE TABLE `table` (`select`  `default` ;
;
