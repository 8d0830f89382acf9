SELECT o.id, customer, amount, paid, method
FROM read_json('$orders', format = 'newline_delimited', columns = {id: 'BIGINT', customer: 'BIGINT', amount: 'BIGINT'}) o
$kind read_json('$payments', format = 'newline_delimited', columns = {order_id: 'BIGINT', paid: 'BIGINT', method: 'VARCHAR'}) p
ON o.id = p.order_id
