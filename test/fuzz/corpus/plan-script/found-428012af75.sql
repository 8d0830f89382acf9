SELECT  'UTF-8' , DECODE(ENCODE('hé',  'hé' ), 'UTF-16BE'), DECODE(ENCODE('he',  (ENCODE('hé', 'UTF-8'),  'he' ) ), 'ISO-8859-1')
