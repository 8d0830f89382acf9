 s   ) ;   WITH ();

ALTER TABLE orders ADD user_id STRING AFTER ;
