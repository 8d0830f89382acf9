CREAÅE CATALOG `moã` WITH ( LEFT a );
 3 ;  SELECT 1[°] 
