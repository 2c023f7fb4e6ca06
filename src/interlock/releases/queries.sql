-- name: evidence_of
SELECT account_id, id, livemode, created_at_ms, release_id, gate, verdict, report
FROM release_evidence WHERE account_id = $1 AND release_id = $2 ORDER BY id DESC LIMIT $3;

-- name: newest_evidence_of
SELECT DISTINCT ON (gate) account_id, id, livemode, created_at_ms, release_id, gate, verdict, report
FROM release_evidence WHERE account_id = $1 AND release_id = $2 ORDER BY gate, id DESC;

-- name: evidence_page
SELECT account_id, id, livemode, created_at_ms, release_id, gate, verdict, report
FROM release_evidence
WHERE account_id = $1 AND release_id = $2 AND ($3::text IS NULL OR gate = $3) AND ($4::text IS NULL OR id < $4)
ORDER BY id DESC LIMIT $5;

-- name: releases_page
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, connector, package_id, specification_hash, settings,
    credentials, base_release_id, proposed_by, note, state, approved_by, changed_at_ms
FROM releases
WHERE account_id = $1 AND livemode = $2 AND ($3::text IS NULL OR gateway_id = $3) AND ($4::text IS NULL OR state = $4)
    AND ($5::bigint IS NULL OR (created_at_ms, id) < ($5, $6::text))
ORDER BY created_at_ms DESC, id DESC LIMIT $7;

-- name: releases_that_begin
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, connector, package_id, specification_hash, settings,
    credentials, base_release_id, proposed_by, note, state, approved_by, changed_at_ms
FROM releases WHERE account_id = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4;

-- name: credentials_of
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, name, sealed, key_id, expires_at_ms
FROM gateway_credentials WHERE account_id = $1 AND gateway_id = $2 AND name = $3 ORDER BY id DESC LIMIT $4;

-- name: certificates
SELECT e.release_id, e.report
FROM release_evidence AS e JOIN releases AS r ON r.account_id = e.account_id AND r.id = e.release_id
WHERE e.account_id = $1 AND r.gateway_id = $2 AND e.gate = 'certify'
ORDER BY e.id DESC LIMIT $3;

-- name: releases_of_package
SELECT id FROM releases WHERE account_id = $1 AND gateway_id = $2 AND package_id = $3 ORDER BY id DESC LIMIT $4;

-- name: running_trials
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, release_id, against_release_id, kind, plan, state,
    verdict, cursor, memory, changed_at_ms
FROM release_trials WHERE state = 'running' ORDER BY account_id, id LIMIT $1;

-- name: trials_of_release
SELECT account_id, id, livemode, version, created_at_ms, gateway_id, release_id, against_release_id, kind, plan, state,
    verdict, cursor, memory, changed_at_ms
FROM release_trials WHERE account_id = $1 AND release_id = $2 ORDER BY id DESC LIMIT $3;

-- name: trial_attempts
SELECT id, created_at_ms, intent_id, operation, state, arm, share_ppm, payer, network, currency, code, latency_ms,
    echo_mismatch, release_id, settled_at_ms
FROM attempts
WHERE account_id = $1 AND gateway_id = $2 AND share_ppm > 0 AND (payer < $3 COLLATE "C" OR payer IS NULL OR arm <> 'stable')
    AND id > $4 ORDER BY id LIMIT $5;

-- name: trial_attempt_ids
SELECT id FROM attempts
WHERE account_id = $1 AND gateway_id = $2 AND share_ppm > 0 AND (payer < $3 COLLATE "C" OR payer IS NULL OR arm <> 'stable')
    AND id > $4 AND id <= $5 ORDER BY id LIMIT $6;

-- name: returning_payers
-- A payer's attempts are few and found by their hash. OFFSET 0 keeps a planner that has no statistics yet from reading
-- all of the account's beside them.
SELECT c.id FROM unnest($5::text[], $6::text[], $7::text[]) AS c (id, payer, operation)
WHERE EXISTS (
    SELECT FROM (
        SELECT account_id, gateway_id, livemode, operation, id FROM attempts
        WHERE payer = c.payer AND share_ppm > 0 OFFSET 0
    ) AS a
    WHERE a.account_id = $1 AND a.gateway_id = $2 AND a.livemode = $3 AND a.operation = c.operation AND a.id > $4 AND a.id < c.id
);

-- name: named_attempts
SELECT id, created_at_ms, intent_id, operation, state, arm, share_ppm, payer, network, currency, code, latency_ms,
    echo_mismatch, release_id, settled_at_ms
FROM attempts WHERE account_id = $1 AND id = ANY($2::text[]);

-- name: recent_attempts
SELECT count(*) AS attempts, coalesce(max(latency_ms), 0) AS slowest_ms, min(created_at_ms) AS oldest_ms FROM (
    SELECT latency_ms, created_at_ms FROM attempts
    WHERE account_id = $1 AND gateway_id = $2 AND livemode = $3 AND id > $4 ORDER BY id DESC LIMIT $5
) AS recent;

-- name: release_attempts
SELECT a.id, a.created_at_ms, a.intent_id, a.operation, a.state, a.arm, a.amount_minor, a.currency, a.network, a.code,
    a.echo_mismatch, a.gateway_reference, i.status AS intent_status, i.active_attempt_id
FROM attempts AS a
LEFT JOIN payment_intents AS i ON i.account_id = a.account_id AND i.id = a.intent_id
WHERE a.account_id = $1 AND a.gateway_id = $2 AND a.release_id = $3 AND a.id > $4 ORDER BY a.id LIMIT $5;

-- name: operators_of
SELECT account_id, id, version, created_at_ms, name, token_hash, hint, revoked_at_ms
FROM operators WHERE account_id = $1 ORDER BY id DESC LIMIT $2;

-- name: operators_by_token
SELECT account_id, id, version, created_at_ms, name, token_hash, hint, revoked_at_ms FROM operators WHERE token_hash = $1;

-- name: attempts_of_release
SELECT id, created_at_ms, subject_id, intent_id, charge_id, operation, state, arm, amount_minor, currency, phase,
    http_status, code, decline_code, echo_mismatch
FROM attempts
WHERE account_id = $1 AND id > $2 AND id < $3 AND gateway_id = $4 AND release_id = $5 ORDER BY id LIMIT $6;

-- name: done_for
SELECT DISTINCT subject_id, operation FROM attempts
WHERE account_id = $1 AND intent_id = ANY($2::text[]) AND state = $3;

-- name: open_examinations
SELECT account_id, id, livemode, version, created_at_ms, release_id, gates, again, requested_by, state, said, starts,
    until_ms, changed_at_ms, payment_method, customer
FROM release_examinations
WHERE state IN ('waiting', 'running') AND until_ms <= $1 ORDER BY until_ms, account_id, id LIMIT $2;

-- name: count_open_examinations
SELECT count(*) FROM release_examinations WHERE account_id = $1 AND state IN ('waiting', 'running');

-- name: examinations_of
SELECT account_id, id, livemode, version, created_at_ms, release_id, gates, again, requested_by, state, said, starts,
    until_ms, changed_at_ms, payment_method, customer
FROM release_examinations WHERE account_id = $1 AND release_id = $2 ORDER BY id DESC LIMIT $3;

-- name: arms_of_trial
SELECT arm, release_id, count(*) AS payments, count(*) FILTER (WHERE state = 'approved') AS approved,
    count(*) FILTER (WHERE state IN ('refused', 'not_sent')) AS technical_failures,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY latency_ms) AS latency_p99_ms
FROM attempts
WHERE account_id = $1 AND gateway_id = $2 AND id >= $3 AND id < $4 AND share_ppm > 0 AND arm = ANY($5::release_arm[])
    AND operation IN ('sale', 'authorise')
GROUP BY arm, release_id ORDER BY arm, release_id;
