    );

SELECT POSITION(p INT  IN s), LOCATE p , INSTR(s i  p) FROM t
