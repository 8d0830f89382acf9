   ;
 ;
SELECT l. (id INT, a ARRAY<INT>) id, r.id FROM l JOIN  aN  ON l.a = r.aN