-- Who may ask (accounts, API keys) and through whom money is taken (gateways, routing rules, their health).
-- Small tables that every process keeps in memory; hashes of API keys only. What a gateway runs is in its releases.

CREATE TABLE accounts (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    name text NOT NULL,
    country text NOT NULL CHECK (length(country) = 2),
    default_currency text NOT NULL CHECK (length(default_currency) = 3),
    email text,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (account_id = id)
) WITH (fillfactor = 70);

CREATE TABLE api_keys (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('secret', 'publishable')),
    key_hash text COLLATE "C" NOT NULL CHECK (length(key_hash) = 64),
    hint text NOT NULL,
    name text NOT NULL,
    public_key text,
    revoked_at_ms bigint,
    PRIMARY KEY (account_id, id),
    CHECK (public_key IS NULL OR kind = 'publishable')
) WITH (fillfactor = 70);

CREATE INDEX api_keys_hash ON api_keys (key_hash);

CREATE TABLE gateways (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    name text NOT NULL,
    connector text NOT NULL,
    enabled boolean NOT NULL,
    position bigint NOT NULL,
    fee_basis_points bigint NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    fee_fixed_minor bigint NOT NULL CHECK (fee_fixed_minor >= 0),
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 70);

CREATE TABLE routing_rules (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    name text NOT NULL,
    enabled boolean NOT NULL,
    position bigint NOT NULL,
    condition jsonb NOT NULL,
    gateway_ids jsonb NOT NULL,
    "only" boolean NOT NULL,
    decline_retry jsonb,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 70);

CREATE TABLE gateway_health (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    healthy boolean NOT NULL,
    reason text NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);
