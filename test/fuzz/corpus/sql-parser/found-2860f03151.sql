CREATE TABLE s (a ARRA$<>);
   
