 FOR ;
;
 h = 1 ;
  SELECT ('a=1,a=2') ''   PARTITIONED BY (d, h) «
 WHERE a = a ;
CREATE TABLE names (id  - , name STRING);
;
CREATE TABLE times ();
CREATE TABLE strict_ (n INT NOT NULL INSERT INTO MINUTE );

SELECT TIME ''  '10:61:00'
