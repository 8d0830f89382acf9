 OR  VIEW ( 'b' )  v (j) AS VALUES ( EXISTS (SELECT 1) );
 ;  AS /*+ STATE_TTL('t' = '1 d') */  VALUES ( 'b' );

SELECT JSON_OBJECT('b' VALUE 1, KEY  VALUE 'x', )  'c' VALUE TRUE), JSON_OBJECT)
