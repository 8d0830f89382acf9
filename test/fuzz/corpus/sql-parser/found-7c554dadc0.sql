 id INT ;
;
 U&'\00e9' ;

SELECT id, ''  tag FROM orders AS o LEFT JOIN tags FOR SYSTEM_TIME AS OF o. FO¦   t ON o.item =  id .item
