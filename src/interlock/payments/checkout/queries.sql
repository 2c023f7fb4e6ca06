-- name: due_sessions
SELECT account_id, livemode, id, expires_at_ms FROM checkout_sessions
WHERE status = 'open' AND (expires_at_ms <= $1 OR payment_intent_id IS NOT NULL OR setup_intent_id IS NOT NULL)
    AND (expires_at_ms, id) > ($3, $4)
ORDER BY expires_at_ms, id
LIMIT $2;

-- name: awaiting_sessions
SELECT account_id, livemode, id, created_at_ms FROM checkout_sessions
WHERE awaiting AND (created_at_ms, id) > ($2, $3)
ORDER BY created_at_ms, id
LIMIT $1;
