 ;  TAULE orders (id  )   NULL, item STRING,  r.k = l.id , ts TIMESTAMP(3), WATERMARK FOR ts AS ts);

	REATE TABLE t (WATERMARK FORÊts AS ts) AS SELECT ts FROM orders;
