-- name: balance
-- The upper bound excludes nothing; with two bounds the planner expects few rows and takes the index.
WITH cutoff AS (
    SELECT coalesce(max(cutoff_id), '') AS id FROM ledger_cutoffs WHERE account_id = $1 AND livemode = $2
), parts AS (
    SELECT currency, available_at_ms, net_minor FROM ledger_snapshots WHERE account_id = $1 AND livemode = $2
    UNION ALL
    SELECT currency, available_at_ms, net_minor FROM ledger_transactions
    WHERE account_id = $1 AND livemode = $2 AND id >= (SELECT id FROM cutoff) AND id < 'u'
)
SELECT currency,
    coalesce(sum(net_minor) FILTER (WHERE available_at_ms <= $3), 0)::bigint AS available_minor,
    coalesce(sum(net_minor) FILTER (WHERE available_at_ms > $3), 0)::bigint AS pending_minor
FROM parts GROUP BY currency ORDER BY currency;

-- name: waiting
WITH cutoff AS (
    SELECT coalesce(max(cutoff_id), '') AS id, coalesce(max(cutoff_at_ms), 0) AS at_ms
    FROM ledger_cutoffs WHERE account_id = $1 AND livemode = $2
)
SELECT at_ms AS cutoff_at_ms, EXISTS (
    SELECT 1 FROM ledger_transactions
    WHERE account_id = $1 AND livemode = $2 AND id < $3 AND id >= (SELECT id FROM cutoff)
) AS has_waiting
FROM cutoff;

-- name: latest_cutoff
SELECT coalesce(max(cutoff_at_ms), 0) FROM ledger_cutoffs;

-- name: begin_cutoff
INSERT INTO ledger_cutoffs (account_id, livemode, cutoff_id, cutoff_at_ms) VALUES ($1, $2, '', 0) ON CONFLICT DO NOTHING;

-- name: lock_cutoff
SELECT cutoff_id FROM ledger_cutoffs WHERE account_id = $1 AND livemode = $2 FOR UPDATE;

-- name: id_after_batch
SELECT id FROM ledger_transactions WHERE account_id = $1 AND id >= $2 AND id < $3 ORDER BY id OFFSET $4 LIMIT 1;

-- name: add_to_snapshots
INSERT INTO ledger_snapshots AS s (account_id, livemode, currency, available_at_ms, net_minor, transactions)
SELECT $1, $2, currency, CASE WHEN available_at_ms <= $5 THEN 0 ELSE available_at_ms END, sum(net_minor)::bigint, count(*)
FROM ledger_transactions WHERE account_id = $1 AND livemode = $2 AND id >= $3 AND id < $4
GROUP BY 3, 4
ON CONFLICT (account_id, livemode, currency, available_at_ms) DO UPDATE
SET net_minor = s.net_minor + excluded.net_minor, transactions = s.transactions + excluded.transactions;

-- name: fold_matured_snapshots
INSERT INTO ledger_snapshots AS s (account_id, livemode, currency, available_at_ms, net_minor, transactions)
SELECT $1, $2, currency, 0, sum(net_minor)::bigint, sum(transactions)::bigint
FROM ledger_snapshots WHERE account_id = $1 AND livemode = $2 AND available_at_ms > 0 AND available_at_ms <= $3
GROUP BY currency
ON CONFLICT (account_id, livemode, currency, available_at_ms) DO UPDATE
SET net_minor = s.net_minor + excluded.net_minor, transactions = s.transactions + excluded.transactions;

-- name: remove_matured_snapshots
DELETE FROM ledger_snapshots WHERE account_id = $1 AND livemode = $2 AND available_at_ms > 0 AND available_at_ms <= $3;

-- name: move_cutoff
UPDATE ledger_cutoffs SET cutoff_id = $3, cutoff_at_ms = $4 WHERE account_id = $1 AND livemode = $2;

-- name: forget_snapshots
DELETE FROM ledger_snapshots WHERE account_id = $1 AND livemode = $2;

-- name: next_transaction_ids
SELECT max(id) AS last, count(*) AS found FROM (
    SELECT id FROM ledger_transactions WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3
) AS batch;

-- name: unequal_transactions
SELECT h.id, h.currency, h.type, h.net_minor, h.fee_minor,
    coalesce(sum(CASE WHEN t.credit_code = 'merchant' THEN t.amount_minor WHEN t.debit_code = 'merchant' THEN -t.amount_minor
        ELSE 0 END), 0)::bigint AS moved_minor,
    coalesce(sum(CASE WHEN t.credit_code LIKE 'gateway_fees:%' THEN t.amount_minor
        WHEN t.debit_code LIKE 'gateway_fees:%' THEN -t.amount_minor ELSE 0 END), 0)::bigint AS kept_minor,
    count(*) FILTER (WHERE t.currency <> h.currency OR t.livemode <> h.livemode) AS foreign_transfers,
    count(t.transaction_id) AS transfers
FROM ledger_transactions AS h
LEFT JOIN ledger_transfers AS t ON t.account_id = h.account_id AND t.transaction_id = h.id
WHERE h.account_id = $1 AND h.livemode = $2 AND h.id > $3 AND h.id <= $4
GROUP BY h.id, h.currency, h.type, h.net_minor, h.fee_minor
HAVING h.net_minor <> coalesce(sum(CASE WHEN t.credit_code = 'merchant' THEN t.amount_minor
        WHEN t.debit_code = 'merchant' THEN -t.amount_minor ELSE 0 END), 0)
    OR (h.type <> 'stripe_fee' AND h.fee_minor <> coalesce(sum(CASE WHEN t.credit_code LIKE 'gateway_fees:%' THEN t.amount_minor
        WHEN t.debit_code LIKE 'gateway_fees:%' THEN -t.amount_minor ELSE 0 END), 0))
    OR count(*) FILTER (WHERE t.currency <> h.currency OR t.livemode <> h.livemode) > 0
ORDER BY h.id LIMIT $5;

-- name: transfers_without_transaction
SELECT t.transaction_id, t.currency, sum(t.amount_minor)::bigint AS amount_minor
FROM ledger_transfers AS t
WHERE t.account_id = $1 AND t.livemode = $2
    AND NOT EXISTS (SELECT 1 FROM ledger_transactions AS h WHERE h.account_id = t.account_id AND h.id = t.transaction_id)
GROUP BY t.transaction_id, t.currency ORDER BY t.transaction_id LIMIT $3;

-- name: trial_balance
SELECT code, currency, sum(amount_minor)::bigint AS amount_minor FROM (
    SELECT debit_code AS code, currency, amount_minor FROM ledger_transfers WHERE account_id = $1 AND livemode = $2
    UNION ALL
    SELECT credit_code, currency, -amount_minor FROM ledger_transfers WHERE account_id = $1 AND livemode = $2
) AS sides GROUP BY code, currency ORDER BY currency, code;
