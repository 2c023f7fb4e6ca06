-- Outbound webhooks. Reads across accounts only discover work (design 7.5); everything else names its account.

-- name: next_outbox_account
SELECT account_id FROM outbox WHERE account_id > $1 ORDER BY account_id LIMIT 1;

-- name: outbox_batch
SELECT o.id, o.livemode, a.types
FROM outbox o
LEFT JOIN announcements a ON a.account_id = o.account_id AND a.id = o.id
WHERE o.account_id = $1 ORDER BY o.id LIMIT $2;

-- name: subscribers
SELECT id, livemode, enabled_events FROM webhook_endpoints WHERE account_id = $1 AND status = 'enabled' ORDER BY id;

-- name: fan_out
-- Only rows that this statement itself takes out of the outbox become deliveries.
WITH gone AS (
    DELETE FROM outbox WHERE account_id = $1 AND id = ANY ($2::text[]) RETURNING id
)
INSERT INTO webhook_deliveries (account_id, event_id, endpoint_id, livemode, created_at_ms, state, attempts,
    pending_webhooks, next_attempt_at_ms, retry_until_ms)
SELECT $1, d.event_id, d.endpoint_id, d.livemode, $3, 'pending', 0, d.pending_webhooks, $3, $4
FROM unnest($5::text[], $6::text[], $7::text[], $8::boolean[], $9::bigint[])
    AS d(outbox_id, event_id, endpoint_id, livemode, pending_webhooks)
WHERE d.outbox_id IN (SELECT id FROM gone)
ON CONFLICT DO NOTHING;

-- name: endpoints_with_due
SELECT e.account_id, e.id
FROM webhook_endpoints e
CROSS JOIN LATERAL (
    SELECT d.next_attempt_at_ms FROM webhook_deliveries d
    WHERE d.account_id = e.account_id AND d.endpoint_id = e.id AND d.state = 'pending'
    ORDER BY d.next_attempt_at_ms LIMIT 1
) first
WHERE first.next_attempt_at_ms <= $1;

-- name: due
-- Clients refuse events of another version than theirs: an endpoint that was made for one is told that one.
SELECT d.event_id, d.attempts, d.retry_until_ms, d.pending_webhooks, a.account_id, a.id, a.livemode, a.created_at_ms,
    a.request_id, a.idempotency_key, coalesce(e.api_version, a.api_version) AS api_version, a.types, a.facts
FROM webhook_deliveries d
JOIN announcements a ON a.account_id = d.account_id AND a.id = left(d.event_id, -1) || '0'
LEFT JOIN webhook_endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
WHERE d.account_id = $1 AND d.endpoint_id = $2 AND d.state = 'pending' AND d.next_attempt_at_ms <= $3
ORDER BY d.next_attempt_at_ms LIMIT $4;

-- name: endpoint
SELECT url, livemode, status, secrets FROM webhook_endpoints WHERE account_id = $1 AND id = $2;

-- name: record
-- The guard on attempts keeps a stopped worker that wakes up late from moving a delivery back; the log keeps every try.
WITH tried AS (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::bigint[], $8::text[],
        $9::bigint[], $10::bigint[], $11::text[], $12::bigint[], $13::text[])
        AS t(id, event_id, endpoint_id, livemode, at_ms, attempt, state, next_attempt_at_ms, status, error, latency_ms,
        answer)
), moved AS (
    UPDATE webhook_deliveries d
    SET state = t.state, attempts = t.attempt, next_attempt_at_ms = t.next_attempt_at_ms, last_status = t.status,
        last_error = t.error, settled_at_ms = CASE WHEN t.state = 'pending' THEN NULL ELSE t.at_ms END
    FROM tried t
    WHERE d.account_id = $1 AND d.event_id = t.event_id AND d.endpoint_id = t.endpoint_id AND d.state = 'pending'
        AND d.attempts = t.attempt - 1
)
INSERT INTO webhook_tries (account_id, event_id, endpoint_id, id, livemode, created_at_ms, attempt, status, error,
    latency_ms, answer)
SELECT $1, event_id, endpoint_id, id, livemode, at_ms, attempt, status, error, latency_ms, answer FROM tried
ON CONFLICT DO NOTHING;

-- name: abandon
UPDATE webhook_deliveries SET state = 'abandoned', settled_at_ms = $3, last_error = $4
WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND event_id = ANY (ARRAY(
    SELECT event_id FROM webhook_deliveries
    WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND next_attempt_at_ms <= $3
    ORDER BY next_attempt_at_ms LIMIT $5));

-- name: give_up
-- For endpoints that are dead for so long that not every delivery could be tried when its time had come.
UPDATE webhook_deliveries SET state = 'failed', settled_at_ms = $3, last_error = 'not delivered in the time allowed'
WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND event_id = ANY (ARRAY(
    SELECT event_id FROM webhook_deliveries
    WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND next_attempt_at_ms <= $3
        AND retry_until_ms < $4
    LIMIT $5));

-- name: lose_events
-- Deliveries whose event is gone (an operator restored or trimmed the events by hand) cannot be sent any more.
UPDATE webhook_deliveries d SET state = 'abandoned', settled_at_ms = $3, last_error = 'the event no longer exists'
WHERE d.account_id = $1 AND d.endpoint_id = $2 AND d.state = 'pending' AND d.next_attempt_at_ms <= $3
    AND NOT EXISTS (SELECT 1 FROM announcements a WHERE a.account_id = $1 AND a.id = left(d.event_id, -1) || '0');

-- name: fail_undrawable
UPDATE webhook_deliveries SET state = 'failed', settled_at_ms = $4, last_error = 'the event cannot be drawn'
WHERE account_id = $1 AND endpoint_id = $2 AND event_id = ANY ($3::text[]) AND state = 'pending';

-- name: pending_counts
SELECT event_id, count(*) AS pending FROM webhook_deliveries
WHERE account_id = $1 AND event_id = ANY ($2::text[]) AND state = 'pending' GROUP BY event_id;

-- name: undelivered_newest
-- Events that some endpoint has not taken (yet), between two ids; which of its change an event is, its last digit says.
SELECT d.event_id
FROM webhook_deliveries d
JOIN announcements a ON a.account_id = d.account_id AND a.id = left(d.event_id, -1) || '0'
WHERE d.account_id = $1 AND d.livemode = $2 AND d.state <> 'delivered' AND d.event_id > $3 AND d.event_id < $4
    AND a.created_at_ms >= $5 AND a.created_at_ms < $6
    AND split_part(btrim(a.types), ' ', strpos($8, right(d.event_id, 1))) LIKE ANY ($7::text[])
GROUP BY d.event_id ORDER BY d.event_id DESC LIMIT $9;

-- name: undelivered_oldest
SELECT d.event_id
FROM webhook_deliveries d
JOIN announcements a ON a.account_id = d.account_id AND a.id = left(d.event_id, -1) || '0'
WHERE d.account_id = $1 AND d.livemode = $2 AND d.state <> 'delivered' AND d.event_id > $3 AND d.event_id < $4
    AND a.created_at_ms >= $5 AND a.created_at_ms < $6
    AND split_part(btrim(a.types), ' ', strpos($8, right(d.event_id, 1))) LIKE ANY ($7::text[])
GROUP BY d.event_id ORDER BY d.event_id ASC LIMIT $9;

-- name: delivered_newest
-- Events that every endpoint that was told them has taken, and those that no endpoint is told; not those that are still
-- to be told.
SELECT left(a.id, -1) || substr($8, t.place::int, 1) AS event_id
FROM announcements a
CROSS JOIN LATERAL unnest(string_to_array(btrim(a.types), ' ')) WITH ORDINALITY AS t(kind, place)
WHERE a.account_id = $1 AND a.livemode = $2 AND a.id >= left($3, -1) || '0' AND a.id <= $4
    AND left(a.id, -1) || substr($8, t.place::int, 1) > $3 AND left(a.id, -1) || substr($8, t.place::int, 1) < $4
    AND a.created_at_ms >= $5 AND a.created_at_ms < $6 AND t.kind LIKE ANY ($7::text[])
    AND a.types LIKE ANY (SELECT '% ' || kind || ' %' FROM unnest($7::text[]) AS kind)
    AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries d
        WHERE d.account_id = a.account_id AND d.event_id = left(a.id, -1) || substr($8, t.place::int, 1)
            AND d.state <> 'delivered')
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.account_id = a.account_id AND o.id = a.id)
ORDER BY a.id DESC, t.place DESC LIMIT $9;

-- name: delivered_oldest
SELECT left(a.id, -1) || substr($8, t.place::int, 1) AS event_id
FROM announcements a
CROSS JOIN LATERAL unnest(string_to_array(btrim(a.types), ' ')) WITH ORDINALITY AS t(kind, place)
WHERE a.account_id = $1 AND a.livemode = $2 AND a.id >= left($3, -1) || '0' AND a.id <= $4
    AND left(a.id, -1) || substr($8, t.place::int, 1) > $3 AND left(a.id, -1) || substr($8, t.place::int, 1) < $4
    AND a.created_at_ms >= $5 AND a.created_at_ms < $6 AND t.kind LIKE ANY ($7::text[])
    AND a.types LIKE ANY (SELECT '% ' || kind || ' %' FROM unnest($7::text[]) AS kind)
    AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries d
        WHERE d.account_id = a.account_id AND d.event_id = left(a.id, -1) || substr($8, t.place::int, 1)
            AND d.state <> 'delivered')
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.account_id = a.account_id AND o.id = a.id)
ORDER BY a.id ASC, t.place ASC LIMIT $9;

-- name: resend
INSERT INTO webhook_deliveries (account_id, event_id, endpoint_id, livemode, created_at_ms, state, attempts,
    pending_webhooks, next_attempt_at_ms, retry_until_ms)
VALUES ($1, $2, $3, $4, $5, 'pending', 0, 1, $5, $6)
ON CONFLICT (account_id, event_id, endpoint_id) DO UPDATE
SET state = 'pending', settled_at_ms = NULL, next_attempt_at_ms = $5, retry_until_ms = $6;

-- name: tries_of_event
SELECT id, endpoint_id, created_at_ms, attempt, status, error, latency_ms, answer FROM webhook_tries
WHERE account_id = $1 AND livemode = $2 AND event_id = $3 ORDER BY id LIMIT $4;

-- name: tries_of_endpoint
SELECT id, event_id, created_at_ms, attempt, status, error, latency_ms, answer FROM webhook_tries
WHERE account_id = $1 AND livemode = $2 AND endpoint_id = $3 AND id < $4 ORDER BY id DESC LIMIT $5;

-- name: endpoint_count
SELECT count(*) FROM webhook_endpoints WHERE account_id = $1 AND livemode = $2 AND NOT deleted;

-- name: next_delivery_account
SELECT account_id FROM webhook_deliveries WHERE account_id > $1 ORDER BY account_id LIMIT 1;

-- name: trim_deliveries
DELETE FROM webhook_deliveries WHERE account_id = $1 AND (event_id, endpoint_id) IN (
    SELECT event_id, endpoint_id FROM webhook_deliveries
    WHERE account_id = $1 AND event_id < $2 AND state <> 'pending' ORDER BY event_id LIMIT $3);

-- name: trim_tries
DELETE FROM webhook_tries WHERE account_id = $1 AND (event_id, endpoint_id, id) IN (
    SELECT event_id, endpoint_id, id FROM webhook_tries
    WHERE account_id = $1 AND event_id < $2 ORDER BY event_id LIMIT $3);

-- name: trim_endpoints
DELETE FROM webhook_endpoints e WHERE e.account_id = $1 AND e.deleted AND NOT EXISTS (
    SELECT 1 FROM webhook_deliveries d WHERE d.account_id = $1 AND d.endpoint_id = e.id AND d.state = 'pending');

-- name: endpoints_after
SELECT account_id, id, livemode, version, created_at_ms, status, url, enabled_events, description, api_version, metadata,
    secrets, deleted
FROM webhook_endpoints WHERE (account_id, id) > ($1, $2) AND NOT deleted ORDER BY account_id, id LIMIT $3;
