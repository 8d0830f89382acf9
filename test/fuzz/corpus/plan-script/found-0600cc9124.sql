  ;

SELECT POSITION( INT   ,  s), (p, s), INSTR(s, p)  t
