-- name: evidence_of
SELECT account_id, id, livemode, created_at_ms, release_id, gate, verdict, report
FROM release_evidence WHERE account_id = $1 AND release_id = $2 ORDER BY id DESC LIMIT $3;

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
