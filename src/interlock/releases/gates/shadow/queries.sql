-- What the gate reads. It writes nothing; the tables belong to payments.

-- The rows of exchanges are walked in the order of their key, newest first, in bounded steps; attempts of other gateways
-- leave a row of NULLs, so that the walk knows where it is. The texts of the exchanges stay where they are.
-- name: kept_exchanges
SELECT e.id AS exchange_id, a.id AS attempt_id, a.operation, a.stage, a.state, a.network, a.currency, a.release_id,
    a.inquiries > 0 AS inquired, a.detail LIKE '%"off_session":true%' AS by_merchant, m.type AS method,
    m.network_transaction_id IS NOT NULL AS has_transaction_id, coalesce(m.credentials, '{}') <> '{}' AS has_credential,
    i.setup_future_usage IS NOT NULL AS stores
FROM (
    SELECT account_id, id, attempt_id FROM exchanges
    WHERE account_id = $1 AND id >= $2 AND id < $3 ORDER BY id DESC LIMIT $4
) AS e
LEFT JOIN attempts a
    ON a.account_id = e.account_id AND a.id = e.attempt_id AND a.gateway_id = $5 AND a.livemode = $6
LEFT JOIN payment_methods m ON m.account_id = a.account_id AND m.id = a.payment_method_id
LEFT JOIN payment_intents i ON i.account_id = a.account_id AND i.id = a.intent_id
ORDER BY e.id DESC;

-- name: exchanges_of
SELECT account_id, id, livemode, created_at_ms, attempt_id, exchange FROM exchanges
WHERE account_id = $1 AND attempt_id = ANY($2::text[]) ORDER BY id LIMIT $3;

-- name: traffic
SELECT r.operation, r.stage = 'complete' AS completed, r.inquiries > 0 AS inquired, count(*) AS attempts
FROM (
    SELECT operation, stage, inquiries, gateway_id, livemode FROM attempts
    WHERE account_id = $1 AND id >= $2 ORDER BY id DESC LIMIT $3
) AS r
WHERE r.gateway_id = $4 AND r.livemode = $5
GROUP BY 1, 2, 3;
