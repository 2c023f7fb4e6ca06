-- name: contents_after
SELECT account_id, id, livemode, version, sealed FROM file_contents
WHERE (account_id, id) > ($1, $2) ORDER BY account_id, id LIMIT $3;
