-- Ledger: one header per change of a merchant's balance and the transfers that make it up.
-- A transfer debits one code and credits another with the same amount: it cannot be unbalanced. No balance row is kept
-- on the payment path; snapshots are sums the worker has taken of what is older than a cutoff.

CREATE TABLE ledger_transactions (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version version_number NOT NULL,
    created_at_ms bigint NOT NULL,
    type balance_transaction_type NOT NULL,
    reporting_category text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    currency currency_code NOT NULL,
    available_at_ms bigint NOT NULL CHECK (available_at_ms >= created_at_ms),
    source_id text COLLATE "C",
    payout_id text COLLATE "C",
    description text,
    PRIMARY KEY (account_id, id),
    CHECK (net_minor = amount_minor - fee_minor)
);

CREATE INDEX ledger_transactions_source ON ledger_transactions (account_id, source_id) WHERE source_id IS NOT NULL;

CREATE INDEX ledger_transactions_payout ON ledger_transactions (account_id, payout_id, id) WHERE payout_id IS NOT NULL;

CREATE TABLE ledger_transfers (
    account_id text COLLATE "C" NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    position ordinal NOT NULL,
    livemode boolean NOT NULL,
    currency currency_code NOT NULL,
    debit_code text COLLATE "C" NOT NULL,
    credit_code text COLLATE "C" NOT NULL,
    amount_minor positive_minor_units NOT NULL,
    PRIMARY KEY (account_id, transaction_id, position),
    CHECK (debit_code <> credit_code)
);

-- One row per account and mode: everything with an id up to cutoff_id is in ledger_snapshots.
CREATE TABLE ledger_cutoffs (
    account_id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    cutoff_id text COLLATE "C" NOT NULL,
    cutoff_at_ms bigint NOT NULL,
    PRIMARY KEY (account_id, livemode)
) WITH (fillfactor = 70);

-- available_at_ms 0 holds what was available at the cutoff already.
CREATE TABLE ledger_snapshots (
    account_id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    currency text NOT NULL CHECK (length(currency) = 3),
    available_at_ms bigint NOT NULL,
    net_minor bigint NOT NULL,
    transactions bigint NOT NULL,
    PRIMARY KEY (account_id, livemode, currency, available_at_ms)
) WITH (fillfactor = 70);
