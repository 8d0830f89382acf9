ADD JAR INSERT INTO   < ;
ADD JAR '/tmp/a.jar';
 4  ; JARS 
SHO< JARS;
