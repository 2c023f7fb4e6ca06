-- name: configuration_mark
SELECT
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM gateways) AS gateways,
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM routing_rules) AS rules,
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM gateway_health)
        AS health,
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM release_pointers)
        AS pointers,
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM gateway_refusals)
        AS refusals;

-- name: beats
SELECT account_id, id, epoch, beat FROM release_beats ORDER BY account_id, id LIMIT $1;

-- name: beat
INSERT INTO release_beats AS b (account_id, id, epoch, beat) VALUES ($1, $2, $3, 1)
ON CONFLICT (account_id, id) DO UPDATE SET epoch = excluded.epoch, beat = b.beat + 1;

-- name: end_beat
DELETE FROM release_beats WHERE account_id = $1 AND id = $2;

-- name: all_gateways
SELECT account_id, id, livemode, version, created_at_ms, name, connector, enabled, position,
    fee_basis_points, fee_fixed_minor
FROM gateways ORDER BY account_id, position, id LIMIT $1;

-- name: all_rules
SELECT account_id, id, livemode, version, created_at_ms, name, enabled, position, condition, gateway_ids, "only", decline_retry
FROM routing_rules ORDER BY account_id, position, id LIMIT $1;

-- name: all_health
SELECT account_id, id, livemode, version, created_at_ms, healthy, reason, expires_at_ms FROM gateway_health
ORDER BY account_id, id LIMIT $1;

-- name: all_refusals
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, network, method, currency, reason, set_by, expires_at_ms
FROM gateway_refusals ORDER BY account_id, id LIMIT $1;

-- name: all_pointers
SELECT account_id, id, livemode, version, created_at_ms, stable_release_id, previous_release_id, trial_release_id, trial_kind,
    trial_since_ms, share_ppm, salt, takes_over, changed_at_ms
FROM release_pointers ORDER BY account_id, id LIMIT $1;

-- name: pointed_releases
SELECT r.account_id, r.id, r.livemode, r.version, r.created_at_ms, r.gateway_id, r.connector, r.package_id,
    r.specification_hash, r.settings, r.credentials, r.base_release_id, r.proposed_by, r.note, r.state, r.approved_by,
    r.changed_at_ms
FROM release_pointers AS p JOIN releases AS r
    ON r.account_id = p.account_id AND r.id IN (p.stable_release_id, p.trial_release_id)
ORDER BY r.account_id, r.id LIMIT $1;

-- name: packages
SELECT account_id, id, created_at_ms, connector, content FROM release_packages WHERE account_id = $1 AND id = ANY($2::text[]);

-- name: credentials
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, name, sealed, key_id, expires_at_ms
FROM gateway_credentials WHERE account_id = $1 AND id = ANY($2::text[]);

-- name: credentials_after
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, name, sealed, key_id, expires_at_ms
FROM gateway_credentials WHERE (account_id, id) > ($1, $2) ORDER BY account_id, id LIMIT $3;

-- name: journal_head
SELECT sequence, hash FROM change_journal WHERE account_id = $1 ORDER BY sequence DESC LIMIT 1;

-- name: journal_entries
SELECT account_id, sequence, livemode, created_at_ms, actor, action, subject, why, facts, previous_hash, hash
FROM change_journal
WHERE account_id = $1 AND ($2::text IS NULL OR subject = $2) AND ($3::bigint IS NULL OR sequence < $3)
ORDER BY sequence DESC LIMIT $4;

-- name: journal_from
SELECT account_id, sequence, livemode, created_at_ms, actor, action, subject, why, facts, previous_hash, hash
FROM change_journal WHERE account_id = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3;

-- name: report_health
INSERT INTO gateway_health AS h (account_id, id, livemode, version, created_at_ms, healthy, reason, expires_at_ms)
VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
ON CONFLICT (account_id, id) DO UPDATE SET livemode = excluded.livemode, version = h.version + 1,
    created_at_ms = excluded.created_at_ms, healthy = excluded.healthy, reason = excluded.reason,
    expires_at_ms = excluded.expires_at_ms
WHERE h.created_at_ms <= excluded.created_at_ms;

-- name: keys_in_use
SELECT key_id, count(*) AS credentials FROM gateway_credentials GROUP BY key_id ORDER BY 1;
