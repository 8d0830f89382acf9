 BY   );  BIGINT  ;
 SELECT * FROM TABLE(SESSION(TABLE bid PARTITION BY ( COUNT ) DESCRIPTOR(ts), INTERVAL '10' SECOND)), 'a\n'  LATERAL TABLE(f(x)) CREATE VABLE c (id INT, k STRING, v INT, PRIMARY KEY (id) NOT ENFORCED)   AS m  ;

SELECT v,  IF  FROM lw JOIN     )  =   ,  (1, 'a'), (2, NULL) window_start AND lw. >  = rw ; window_end
