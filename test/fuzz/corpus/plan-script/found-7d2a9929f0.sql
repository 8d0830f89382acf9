 AS total_bids,
  count(*) ;

SELECT POSITION(p  ,  s), LOCATE(p, s), INSTR(s, p)  t
