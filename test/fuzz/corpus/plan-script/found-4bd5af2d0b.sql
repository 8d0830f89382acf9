 SELECT  'UTF-8' , DECODE( 'he' , 'UTF-16BE'), DECODE(ENCODE('he',  (ENCODE('hé',  INTERVAL '1' DAY ),  'he' ) ), 'ISO-8859-1') ;
 SELECT  'UTF-8' , DECODE(ENCODE('hé', 'UTF-16BE'),  orders ), DECODE(ENCODE('he',  (ENCODE('hé',  INTERVAL '1' DAY ),  'he' ) ), 'ISO-8859-1') ;

 1 ;
INSERT INTO c (id,  LATERAL (SELECT 1) ) SELECT id, id   'hé' ;
