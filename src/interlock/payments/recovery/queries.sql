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

-- What an operation is under way for is left alone until that has ended; no index knows of it, because an index on the
-- status or the active attempt would make every payment's second version a row of its own in all of them.
-- name: due_captures
SELECT account_id, livemode, id, capture_before_ms FROM payment_intents
WHERE capture_before_ms <= $1 AND (capture_before_ms, id) > ($3, $4)
    AND status = 'requires_capture' AND active_attempt_id IS NULL
ORDER BY capture_before_ms, id
LIMIT $2;
