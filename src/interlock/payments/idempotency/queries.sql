-- name: find_key
SELECT account_id, livemode, key, created_at_ms, path, fingerprint, request_id, resource_id, status, body,
    event_id
FROM idempotency_keys
WHERE account_id = $1 AND livemode = $2 AND key = $3;

-- name: kept_facts
SELECT facts FROM announcements WHERE account_id = $1 AND id = $2;

-- name: finish_key
UPDATE idempotency_keys SET status = $4, body = $5
WHERE account_id = $1 AND livemode = $2 AND key = $3 AND status IS NULL;

-- name: forget_keys
DELETE FROM idempotency_keys
WHERE account_id = $1 AND (livemode, key) IN (
    SELECT livemode, key FROM idempotency_keys WHERE account_id = $1 AND created_at_ms < $2 LIMIT $3
);
