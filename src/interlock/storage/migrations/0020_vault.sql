-- Vault: sealed cards. Each row has its own data key, wrapped by the master key called key_id (AES-256-GCM); what is
-- readable here tells neither number nor expiry. Security codes are stored nowhere.

CREATE TABLE vault_cards (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    wrapped_key bytea NOT NULL CHECK (octet_length(wrapped_key) = 60),
    ciphertext bytea NOT NULL CHECK (octet_length(ciphertext) BETWEEN 29 AND 4096),
    fingerprint text COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 70, toast_tuple_target = 8160);
