 CREATE  ;
ALTER TABLE orders RENAME `usƒr` TO who  who  ;
 CREATE EXCEPT   CREATE ;
