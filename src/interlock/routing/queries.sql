-- name: configuration_mark
SELECT
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM gateways) AS gateways,
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM routing_rules) AS rules,
    (SELECT count(*)::text || ':' || coalesce(sum(version), 0)::text || ':' || coalesce(max(id), '') FROM gateway_health)
        AS health;

-- name: all_gateways
SELECT account_id, id, livemode, version, created_at_ms, name, connector, enabled, position, settings, sealed_credentials,
    credentials_key_id, fee_basis_points, fee_fixed_minor
FROM gateways ORDER BY account_id, position, id LIMIT $1;

-- name: all_rules
SELECT account_id, id, livemode, version, created_at_ms, name, enabled, position, condition, gateway_ids, "only", decline_retry
FROM routing_rules ORDER BY account_id, position, id LIMIT $1;

-- name: all_health
SELECT account_id, id, livemode, version, created_at_ms, healthy, reason, expires_at_ms FROM gateway_health
ORDER BY account_id, id LIMIT $1;

-- name: report_health
INSERT INTO gateway_health AS h (account_id, id, livemode, version, created_at_ms, healthy, reason, expires_at_ms)
VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
ON CONFLICT (account_id, id) DO UPDATE SET livemode = excluded.livemode, version = h.version + 1,
    created_at_ms = excluded.created_at_ms, healthy = excluded.healthy, reason = excluded.reason,
    expires_at_ms = excluded.expires_at_ms
WHERE h.created_at_ms <= excluded.created_at_ms;

-- name: keys_in_use
SELECT credentials_key_id AS key_id, count(*) AS gateways FROM gateways GROUP BY credentials_key_id ORDER BY 1;
