-- name: accounts
SELECT account_id, version, created_at_ms, name, country, default_currency FROM accounts ORDER BY created_at_ms, account_id;

-- name: account
SELECT account_id, version, created_at_ms, name, country, default_currency FROM accounts WHERE account_id = $1;

-- name: key_by_digest
SELECT account_id, id, livemode, version, created_at_ms, kind, name, digest, hint, revoked_at_ms FROM api_keys
WHERE account_id = $1 AND digest = $2;

-- name: keys
SELECT account_id, id, livemode, version, created_at_ms, kind, name, digest, hint, revoked_at_ms FROM api_keys
WHERE account_id = $1 ORDER BY id;

-- name: key
SELECT account_id, id, livemode, version, created_at_ms, kind, name, digest, hint, revoked_at_ms FROM api_keys
WHERE account_id = $1 AND id = $2;
