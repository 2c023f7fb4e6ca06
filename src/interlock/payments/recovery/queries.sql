-- name: due_attempts
SELECT account_id, livemode, id, gateway_id FROM attempts
WHERE next_inquiry_at_ms <= $1 AND NOT (gateway_id = ANY($3::text[]))
ORDER BY next_inquiry_at_ms
LIMIT $2;

-- name: due_attempt_at
SELECT account_id, livemode, id, gateway_id FROM attempts
WHERE next_inquiry_at_ms <= $1 AND gateway_id = $2
ORDER BY next_inquiry_at_ms
LIMIT 1;

-- name: due_captures
SELECT account_id, livemode, id FROM payment_intents
WHERE capture_before_ms <= $1
ORDER BY capture_before_ms
LIMIT $2;
