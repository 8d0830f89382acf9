SELECT SPLIT('a.b',  COUNT(*) ) SPLIT , SPLIT('a|||b', '||')
