-- Webhooks: endpoints of shops, deliveries and their log, notifications of gateways; and the lease rows of the workers.

CREATE TABLE leases (
    account_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    token bigint NOT NULL CHECK (token >= 1),
    until_ms bigint NOT NULL,
    PRIMARY KEY (account_id, name)
) WITH (fillfactor = 50);

CREATE TABLE webhook_endpoints (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('enabled', 'disabled', 'deleted')),
    url text NOT NULL CHECK (length(url) <= 2048),
    enabled_events jsonb NOT NULL,
    description text,
    api_version text,
    metadata jsonb NOT NULL,
    secrets jsonb NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (deleted = (status = 'deleted'))
) WITH (fillfactor = 70);

-- One row per event and endpoint: the natural key makes a second fan-out of the same event impossible.
CREATE TABLE webhook_deliveries (
    account_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    endpoint_id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'abandoned')),
    attempts bigint NOT NULL CHECK (attempts >= 0),
    pending_webhooks bigint NOT NULL,
    next_attempt_at_ms bigint NOT NULL,
    retry_until_ms bigint NOT NULL,
    settled_at_ms bigint,
    last_status bigint,
    last_error text,
    PRIMARY KEY (account_id, event_id, endpoint_id),
    CHECK ((state = 'pending') = (settled_at_ms IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (account_id, endpoint_id, next_attempt_at_ms)
    WHERE state = 'pending';

CREATE TABLE webhook_tries (
    account_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    endpoint_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    attempt bigint NOT NULL,
    status bigint,
    error text,
    latency_ms bigint NOT NULL,
    answer text NOT NULL CHECK (length(answer) <= 1024),
    PRIMARY KEY (account_id, event_id, endpoint_id, id)
);

CREATE INDEX webhook_tries_endpoint ON webhook_tries (account_id, endpoint_id, id);

-- One row per fact a gateway told us; the id is a hash of gateway and notification id, so that a replay finds its row.
CREATE TABLE gateway_notifications (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    notification_id text NOT NULL,
    notification jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'applied', 'ignored', 'failed')),
    attempts bigint NOT NULL CHECK (attempts >= 0),
    next_attempt_at_ms bigint,
    note text,
    PRIMARY KEY (account_id, id),
    CHECK ((state = 'waiting') = (next_attempt_at_ms IS NOT NULL))
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE INDEX gateway_notifications_due ON gateway_notifications (next_attempt_at_ms) WHERE next_attempt_at_ms IS NOT NULL;

CREATE INDEX gateway_notifications_age ON gateway_notifications (account_id, created_at_ms)
    WHERE created_at_ms IS NOT NULL;
