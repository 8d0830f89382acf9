 SELECT  *   SELECT ('a😀b')
