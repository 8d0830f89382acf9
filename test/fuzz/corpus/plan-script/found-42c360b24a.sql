  LIKE      ;  
);

SET 'table.display.max-column-width' = '10';
SHOW COLUMNS IN orders LIKE 'ts';
