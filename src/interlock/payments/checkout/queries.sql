-- name: due_sessions
SELECT account_id, livemode, id FROM checkout_sessions
WHERE status = 'open' AND (expires_at_ms <= $1 OR payment_intent_id IS NOT NULL OR setup_intent_id IS NOT NULL)
ORDER BY expires_at_ms
LIMIT $2;

-- name: awaiting_sessions
SELECT account_id, livemode, id FROM checkout_sessions
WHERE awaiting
ORDER BY created_at_ms
LIMIT $1;
