SELECT CAST(NULL AS ROW<a INT> ON a.id = b.id 
       CAST( AS  CAST < ; , INT> > ),
        
