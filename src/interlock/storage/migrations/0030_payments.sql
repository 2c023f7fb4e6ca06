-- Payments: intents, attempts, charges, refunds, disputes, setup intents, idempotency keys, events, outbox.
-- Invariants stated here are stated a second time in the Python that decides transitions.

CREATE TABLE payment_intents (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version version_number NOT NULL,
    created_at_ms bigint NOT NULL,
    status payment_intent_status NOT NULL,
    amount_minor minor_units NOT NULL,
    currency currency_code NOT NULL,
    amount_capturable_minor minor_units NOT NULL,
    amount_received_minor minor_units NOT NULL,
    capture_method capture_method NOT NULL,
    confirmation_method text NOT NULL,
    customer_id text COLLATE "C",
    payment_method_id text COLLATE "C",
    latest_charge_id text COLLATE "C",
    active_attempt_id text COLLATE "C",
    attempt_count ordinal NOT NULL,
    client_secret text NOT NULL,
    setup_future_usage text,
    canceled_at_ms bigint,
    cancellation_reason text,
    capture_before_ms bigint,
    next_action jsonb,
    last_payment_error jsonb,
    metadata jsonb NOT NULL,
    details text NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (amount_capturable_minor + amount_received_minor <= amount_minor),
    CHECK (status <> 'processing' OR active_attempt_id IS NOT NULL),
    CHECK (status <> 'canceled' OR amount_capturable_minor = 0)
) WITH (fillfactor = 45, toast_tuple_target = 8160);  -- room for the second version on the same page

CREATE INDEX payment_intents_customer ON payment_intents (account_id, customer_id, id) WHERE customer_id IS NOT NULL;

CREATE INDEX payment_intents_capture_before ON payment_intents (capture_before_ms) WHERE capture_before_ms IS NOT NULL;

CREATE TABLE attempts (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version version_number NOT NULL,
    created_at_ms bigint NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    intent_id text COLLATE "C",
    charge_id text COLLATE "C",
    operation text NOT NULL,
    stage text NOT NULL,
    state attempt_state NOT NULL,
    sequence bigint NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    connector text NOT NULL,
    release_id text COLLATE "C" NOT NULL,
    arm release_arm NOT NULL,
    share_ppm parts_per_million NOT NULL,
    payer text,
    amount_minor minor_units NOT NULL,
    currency text NOT NULL,
    payment_method_id text COLLATE "C",
    network text,
    country text,
    bin bank_identification_number,
    gateway_reference text,
    phase text,
    http_status bigint,
    latency_ms bigint,
    code text,
    message text,
    decline_code text,
    echo_mismatch boolean NOT NULL,
    settled_at_ms bigint,
    inquiries bigint NOT NULL,
    next_inquiry_at_ms bigint,
    detail text NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (state NOT IN ('begun', 'unknown') OR next_inquiry_at_ms IS NOT NULL)
) WITH (fillfactor = 70, toast_tuple_target = 8160);

-- Every secondary index that begins with the account has a WHERE that an update by key does not imply. Without it Postgres
-- may take that index, which on a small table costs the same as the key, and keep the plan while the table grows.
CREATE INDEX attempts_intent ON attempts (account_id, intent_id, id) WHERE intent_id IS NOT NULL;

CREATE INDEX attempts_inquiry ON attempts (next_inquiry_at_ms) WHERE next_inquiry_at_ms IS NOT NULL;

-- Only attempts made while a release is on trial are in it.
CREATE INDEX attempts_trial ON attempts (account_id, gateway_id, id) WHERE share_ppm > 0;

CREATE TABLE exchanges (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    attempt_id text COLLATE "C" NOT NULL,
    exchange jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX exchanges_attempt ON exchanges (account_id, attempt_id);

CREATE TABLE charges (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version version_number NOT NULL,
    created_at_ms bigint NOT NULL,
    status charge_status NOT NULL,
    payment_intent_id text COLLATE "C",
    attempt_id text COLLATE "C" NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    gateway_reference text,
    capture_reference text,
    amount_minor minor_units NOT NULL,
    currency text NOT NULL,
    amount_captured_minor minor_units NOT NULL,
    amount_refunded_minor minor_units NOT NULL,
    amount_refund_pending_minor minor_units NOT NULL,
    captured boolean NOT NULL,
    disputed boolean NOT NULL,
    released boolean NOT NULL,
    customer_id text COLLATE "C",
    payment_method_id text COLLATE "C",
    balance_transaction_id text COLLATE "C",
    failure_code text,
    failure_message text,
    metadata jsonb NOT NULL,
    details text NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (amount_captured_minor <= amount_minor),
    CHECK (amount_refunded_minor + amount_refund_pending_minor <= amount_captured_minor)
) WITH (fillfactor = 80, toast_tuple_target = 8160);

CREATE INDEX charges_intent ON charges (account_id, payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;

CREATE INDEX charges_reference ON charges (account_id, gateway_reference) WHERE gateway_reference IS NOT NULL;

CREATE INDEX charges_customer ON charges (account_id, customer_id, id) WHERE customer_id IS NOT NULL;

CREATE TABLE refunds (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')),
    charge_id text COLLATE "C" NOT NULL,
    payment_intent_id text COLLATE "C",
    attempt_id text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    reason text,
    customer_id text COLLATE "C",
    payment_method_id text COLLATE "C",
    gateway_reference text,
    balance_transaction_id text COLLATE "C",
    failure_balance_transaction_id text COLLATE "C",
    failure_reason text,
    metadata jsonb NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 80);

CREATE INDEX refunds_charge ON refunds (account_id, charge_id, id) WHERE charge_id IS NOT NULL;

CREATE INDEX refunds_intent ON refunds (account_id, payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;

CREATE TABLE disputes (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('warning_needs_response', 'warning_under_review', 'warning_closed',
        'needs_response', 'under_review', 'won', 'lost', 'prevented')),
    charge_id text COLLATE "C" NOT NULL,
    payment_intent_id text COLLATE "C",
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    reason text NOT NULL,
    gateway_id text COLLATE "C" NOT NULL,
    gateway_dispute_reference text COLLATE "C" NOT NULL,
    evidence_due_at_ms bigint,
    submission_count bigint NOT NULL,
    funds_withdrawn boolean NOT NULL,
    balance_transaction_ids jsonb NOT NULL,
    evidence jsonb NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX disputes_reference ON disputes (account_id, gateway_id, gateway_dispute_reference)
    WHERE gateway_id IS NOT NULL;

CREATE INDEX disputes_charge ON disputes (account_id, charge_id, id) WHERE charge_id IS NOT NULL;

CREATE INDEX disputes_intent ON disputes (account_id, payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;

CREATE TABLE setup_intents (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('requires_payment_method', 'requires_confirmation', 'requires_action',
        'processing', 'succeeded', 'canceled')),
    usage text NOT NULL,
    customer_id text COLLATE "C",
    payment_method_id text COLLATE "C",
    active_attempt_id text COLLATE "C",
    latest_attempt_id text COLLATE "C",
    mandate_id text COLLATE "C",
    client_secret text NOT NULL,
    cancellation_reason text,
    next_action jsonb,
    last_setup_error jsonb,
    metadata jsonb NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (status <> 'processing' OR active_attempt_id IS NOT NULL)
) WITH (fillfactor = 70);

CREATE INDEX setup_intents_customer ON setup_intents (account_id, customer_id, id) WHERE customer_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    account_id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    key idempotency_key_text COLLATE "C" NOT NULL,
    created_at_ms bigint NOT NULL,
    path text NOT NULL,
    fingerprint text NOT NULL,
    request_id text NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    status bigint,
    body bytea,
    event_id text COLLATE "C",
    PRIMARY KEY (account_id, livemode, key)
) WITH (fillfactor = 45, toast_tuple_target = 8160);  -- room for the second version on the same page

-- Only the clean-up asks by age, so a block range index will do: it costs the payment path nothing.
CREATE INDEX idempotency_keys_age ON idempotency_keys USING brin (created_at_ms);

-- One row per change that has something to tell: its events, in order. An event's id is the row's with its own position
-- as last character.
CREATE TABLE announcements (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    request_id text,
    idempotency_key text,
    api_version text NOT NULL,
    types text NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (toast_tuple_target = 8160);

CREATE TABLE outbox (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    PRIMARY KEY (account_id, id)
);
