  ROW(1, 'a')  ;
CREATE VIEW bad (j)  ROW  VALUES ('{"a":');

SELECT  /*+ OPTIONS('a' = 'b') */ ('[10,20,30]', '$[0]'), JSON_VALUE('[10,20,30]', '$[-1]') price , JSON_VALUE('[10,20,30]', '$[3]' NULL  r.f SELECT  /*+ OPTIONS('a' = 'b') */ ('[10,20,30]', ), JSON_VALUE('[10,20,30]', '$[-1]') price , JSON_VALUE('[10,20,30]', '$[3]') r.f  
