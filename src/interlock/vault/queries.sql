-- name: keys_in_use
SELECT key_id, count(*) AS cards FROM vault_cards GROUP BY key_id ORDER BY key_id;

-- name: wrapped_by_other_keys
SELECT account_id, id, livemode, version, created_at_ms, key_id, wrapped_key, ciphertext, fingerprint FROM vault_cards
WHERE (account_id, id) > ($1, $2) AND key_id <> $3
ORDER BY account_id, id LIMIT $4;
