-- name: net_by_currency
SELECT currency, sum(amount_captured_minor - amount_refunded_minor)::bigint AS net
FROM charges WHERE account_id = $1 AND livemode = false GROUP BY currency;

-- name: first_bad_outcome
SELECT min(created_at_ms) FROM attempts
WHERE account_id = $1 AND release_id = $2 AND state NOT IN ('approved', 'challenge', 'begun');
