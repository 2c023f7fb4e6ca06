-- name: key_by_hash
SELECT account_id, id, livemode, version, created_at_ms, kind, key_hash, hint, name, public_key,
    revoked_at_ms, permissions
FROM api_keys WHERE key_hash = $1 AND revoked_at_ms IS NULL LIMIT 2;

-- name: all_accounts
SELECT account_id, id, version, created_at_ms, name, country, default_currency, email, details FROM accounts
ORDER BY account_id LIMIT $1;
