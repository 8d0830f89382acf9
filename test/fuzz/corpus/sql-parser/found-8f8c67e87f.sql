CREATE TABLE s (r ROW< INT, y WATERMARK FOR   ORDER BY  sx, r.x );
  a   , 
