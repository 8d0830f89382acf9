CREATE TABLE orders (id INT, cur STRING, amount INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts);
CREATE TABLE rates (cur STRING, rate INT, rs TIMESTAMP(3), WATERMARK FOR rs AS rs, PRIMARY KEY (cur) NOT ENFORCED);
CREATE TABLE people (name STRING, town STRING, house INT, since TIMESTAMP(3), WATERMARK FOR since AS since, PRIMARY KEY (name, town) NOT ENFORCED);
CREATE VIEW j AS SELECT o.id, o.ts, o.cur, r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.cur = r.cur;
CREATE TABLE banks (cur STRING, bank STRING, bs TIMESTAMP(3), WATERMARK FOR bs AS bs, PRIMARY KEY (cur) NOT ENFORCED);
SELECT id, rate, bank FROM j JOIN banks FOR SYSTEM_TIME AS OF j.ts AS b ON j.cur = b.cur
