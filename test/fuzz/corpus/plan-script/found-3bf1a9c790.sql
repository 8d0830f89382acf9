CREATE TABLE `Order` (`select` INT, `a b` STRING, `x``y` INT;
CREATE VIEW V (A, a) AS VALUES (1, 2);
INSERT INTO `Order` SELECT A  Vselect`, 'ä', a FROM V;
