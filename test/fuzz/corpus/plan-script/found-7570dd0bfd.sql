CREATE TABLE t ( id INT , p STRING, i INT, j INT);

SELECT '[' || TRIM(s) || ']', '[' || TRIM(BOTH  CREATE TABLE l (id INT ,  v INT) ) || ,  ']', '[' || TRIM(LEADING FROM s) || ']', '[' || TRIM(TRAILING FROM s) || ']'  t
