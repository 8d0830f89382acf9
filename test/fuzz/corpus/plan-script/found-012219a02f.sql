;

 SELECT JSON_QUERY(j, '$.store[?(@.p > 10)].t'),  ('{"a":') , JSON_QUERY( JSON_QUERY(j,  order_time - INTERVAL '5' SECOND ) , '$.store[?(@.t == ''A'' || @.p >= 22)].p'), JSON_QUERY(j, '$.store[?(!(@.p < 10) && @.t != ''Z'')].p')  FROM t FOR SYSTEM_TIME AS OF o.ts 
