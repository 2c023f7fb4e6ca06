-- name: trim_exchanges
DELETE FROM exchanges
WHERE account_id = $1 AND id IN (SELECT id FROM exchanges WHERE account_id = $1 AND id < $2 ORDER BY id LIMIT $3);
