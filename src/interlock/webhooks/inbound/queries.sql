-- Inbound notifications. The read across accounts only discovers work (design 7.5).

-- name: due
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, notification_id, notification, state, attempts,
    next_attempt_at_ms, note
FROM gateway_notifications WHERE next_attempt_at_ms <= $1 ORDER BY next_attempt_at_ms LIMIT $2;

-- name: next_account
SELECT account_id FROM gateway_notifications WHERE account_id > $1 ORDER BY account_id LIMIT 1;

-- name: trim
DELETE FROM gateway_notifications WHERE account_id = $1 AND id IN (
    SELECT id FROM gateway_notifications
    WHERE account_id = $1 AND created_at_ms < $2 AND state <> 'waiting' ORDER BY created_at_ms LIMIT $3);

-- name: heard
SELECT EXISTS (SELECT FROM gateway_notifications
    WHERE account_id = $1 AND livemode = $2 AND gateway_id = $3 AND created_at_ms >= $4
        AND (notification ->> 'reference' = ANY ($5::text[]) OR notification ->> 'gateway_reference' = ANY ($5::text[])));

-- name: ever_heard
SELECT EXISTS (SELECT FROM gateway_notifications
    WHERE account_id = $1 AND livemode = $2 AND gateway_id = $3 AND created_at_ms < $4);
