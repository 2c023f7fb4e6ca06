-- Files that shops upload (evidence for disputes): what is shown of them, and apart from it their sealed contents.

CREATE TABLE files (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    purpose text NOT NULL,
    filename text,
    type text,
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 100);

CREATE TABLE file_contents (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    sealed bytea NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 100);
