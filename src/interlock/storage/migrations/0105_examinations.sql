-- Runs of release gates that somebody asked for over the control API; a worker takes them one by one under a lease.

CREATE TABLE release_examinations (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    release_id text COLLATE "C" NOT NULL,
    gates jsonb NOT NULL,
    again boolean NOT NULL,
    requested_by text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    said text NOT NULL,
    starts bigint NOT NULL CHECK (starts >= 0),
    until_ms bigint NOT NULL,
    changed_at_ms bigint NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);

CREATE INDEX release_examinations_open ON release_examinations (until_ms) WHERE state IN ('waiting', 'running');

CREATE INDEX release_examinations_release ON release_examinations (account_id, release_id, id)
    WHERE release_id IS NOT NULL;
