-- name: trim_events
DELETE FROM announcements
WHERE account_id = $1 AND id IN (SELECT id FROM announcements WHERE account_id = $1 AND id < $2 ORDER BY id LIMIT $3);
