-- name: trim_events
DELETE FROM events
WHERE account_id = $1 AND id IN (SELECT id FROM events WHERE account_id = $1 AND id < $2 ORDER BY id LIMIT $3);
