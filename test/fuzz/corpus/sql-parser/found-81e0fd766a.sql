    d  dt (b STRING) ;

 ALTER TABLE orders DROP  32  mine ;
