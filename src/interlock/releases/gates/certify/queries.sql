-- The books of one certification are read whole: its database is a scratch one that holds nothing else.

-- name: intents
SELECT id, account_id, status, currency, amount_received_minor, metadata ->> 'case' AS case_name FROM payment_intents;

-- name: setups
SELECT id, metadata ->> 'case' AS case_name FROM setup_intents;

-- name: attempts
SELECT id, intent_id, subject_id, operation, state, amount_minor, currency, gateway_reference, next_inquiry_at_ms, detail
FROM attempts;

-- name: posted
SELECT c.payment_intent_id AS intent, t.type, sum(t.amount_minor)::bigint AS amount
FROM ledger_transactions AS t
LEFT JOIN refunds AS r ON r.account_id = t.account_id AND r.id = t.source_id
LEFT JOIN disputes AS d ON d.account_id = t.account_id AND d.id = t.source_id
INNER JOIN charges AS c ON c.account_id = t.account_id AND c.id = coalesce(r.charge_id, d.charge_id, t.source_id)
GROUP BY c.payment_intent_id, t.type;

-- name: charged
SELECT payment_intent_id AS intent, sum(amount_captured_minor)::bigint AS captured,
    sum(amount_refunded_minor)::bigint AS refunded
FROM charges GROUP BY payment_intent_id;

-- name: open_attempts
SELECT count(*) FROM attempts
WHERE state IN ('begun', 'unknown', 'pending') OR (next_inquiry_at_ms IS NOT NULL AND state <> 'challenge');

-- name: waiting_notifications
SELECT count(*) FROM gateway_notifications WHERE state = 'waiting';

-- name: tables
SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema');

-- name: connected
SELECT application_name FROM pg_stat_activity WHERE usename = current_user;

-- name: databases
SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = current_user;
