-- name: intents_of_attempts
SELECT id, intent_id FROM attempts WHERE account_id = $1 AND intent_id IS NOT NULL;

-- name: intents_with_other_money
SELECT DISTINCT intent_id FROM attempts
WHERE account_id = $1 AND intent_id IS NOT NULL AND echo_mismatch AND created_at_ms >= $2;

-- name: hurry_inquiries
UPDATE attempts SET next_inquiry_at_ms = 1,
    created_at_ms = CASE WHEN created_at_ms > $2 THEN created_at_ms - $3 ELSE created_at_ms END
WHERE account_id = $1 AND next_inquiry_at_ms > 1 AND state <> 'challenge'
    AND (state <> 'begun' OR next_inquiry_at_ms < $4);

-- name: attempts_of_release
SELECT count(*) FROM attempts WHERE account_id = $1 AND release_id = $2;
