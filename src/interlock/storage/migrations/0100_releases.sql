-- Releases: what may be run (packages, credentials, releases), what is run (pointers), and who changed what (journal).
-- Small tables; only pointers, beats and refusals are read by every process, a few times a second.

CREATE TABLE release_packages (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created_at_ms bigint NOT NULL,
    connector text NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE gateway_credentials (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    sealed bytea NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    expires_at_ms bigint,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE releases (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    connector text NOT NULL,
    package_id text COLLATE "C" NOT NULL,
    specification_hash text,
    settings jsonb NOT NULL,
    credentials jsonb NOT NULL,
    base_release_id text COLLATE "C",
    proposed_by text NOT NULL,
    note text NOT NULL,
    state text NOT NULL CHECK (state IN ('drafted', 'gated', 'approved', 'canary', 'stable', 'superseded', 'rejected',
        'rolled_back')),
    approved_by text,
    changed_at_ms bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX releases_gateway ON releases (account_id, gateway_id, id) WHERE gateway_id IS NOT NULL;

-- One row per gateway of an account: what serves, what is tried beside it on which share, and the epoch (version).
CREATE TABLE release_pointers (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    stable_release_id text COLLATE "C" NOT NULL,
    previous_release_id text COLLATE "C",
    trial_release_id text COLLATE "C",
    trial_kind text CHECK (trial_kind IN ('canary', 'holdback')),
    trial_since_ms bigint,
    share_ppm bigint NOT NULL CHECK (share_ppm BETWEEN 0 AND 1000000),
    salt text NOT NULL,
    takes_over jsonb NOT NULL,
    changed_at_ms bigint NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK ((trial_release_id IS NULL) = (trial_kind IS NULL)),
    CHECK ((trial_release_id IS NULL) = (trial_since_ms IS NULL)),
    CHECK (trial_release_id IS NOT NULL OR share_ppm = 0)
) WITH (fillfactor = 50);

-- The controller's heartbeat of a trial. A process sends nothing to a trial release unless it sees this row move.
CREATE TABLE release_beats (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    beat bigint NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);

-- What is refused without a deploy: a network, method or currency at one gateway ('*' for all), for a while.
CREATE TABLE gateway_refusals (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    network text,
    method text,
    currency text,
    reason text NOT NULL,
    set_by text NOT NULL,
    expires_at_ms bigint,
    PRIMARY KEY (account_id, id),
    CHECK (network IS NOT NULL OR method IS NOT NULL OR currency IS NOT NULL)
);

-- Who changed what, when and why. Each entry holds the hash of the one before it; the key keeps the chain single.
CREATE TABLE change_journal (
    account_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL CHECK (sequence >= 1),
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text COLLATE "C" NOT NULL,
    why text NOT NULL,
    facts jsonb NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL CHECK (length(hash) = 64),
    PRIMARY KEY (account_id, sequence)
);

CREATE INDEX change_journal_subject ON change_journal (account_id, subject, sequence) WHERE subject IS NOT NULL;

-- What the gates found, readable for as long as the release is.
CREATE TABLE release_evidence (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    release_id text COLLATE "C" NOT NULL,
    gate text NOT NULL CHECK (gate IN ('lint', 'contract', 'certify', 'shadow', 'canary', 'validate')),
    verdict text NOT NULL CHECK (verdict IN ('passed', 'failed', 'inconclusive', 'error')),
    report jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX release_evidence_release ON release_evidence (account_id, release_id, id) WHERE release_id IS NOT NULL;

-- The controller's memory of a trial, so that a restarted one goes on where the dead one stood.
CREATE TABLE release_trials (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    release_id text COLLATE "C" NOT NULL,
    against_release_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('canary', 'holdback')),
    plan jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'passed', 'failed', 'aborted')),
    verdict text NOT NULL,
    cursor text COLLATE "C" NOT NULL,
    memory text NOT NULL,
    changed_at_ms bigint NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);

-- People and programs that may change releases over the control API, and the second pair of eyes in live mode.
CREATE TABLE operators (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    token_hash text COLLATE "C" NOT NULL CHECK (length(token_hash) = 64),
    hint text NOT NULL,
    revoked_at_ms bigint,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX operators_token ON operators (token_hash);
