-- Customers and what they pay with: payment methods, tokens, confirmation tokens, mandates; checkout sessions and the
-- goods they name. No card number and no security code is ever here: only the vault's token and what a receipt shows.

CREATE TABLE customers (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    deleted boolean NOT NULL,
    email text,
    name text,
    phone text,
    description text,
    default_source text COLLATE "C",
    default_payment_method text COLLATE "C",
    metadata jsonb NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (NOT deleted OR (email IS NULL AND name IS NULL AND phone IS NULL))
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE INDEX customers_email ON customers (account_id, email, id) WHERE email IS NOT NULL;

CREATE TABLE payment_methods (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    type text NOT NULL CHECK (type = 'card'),
    is_source boolean NOT NULL,
    customer_id text COLLATE "C",
    used_by text COLLATE "C",
    detached boolean NOT NULL,
    allow_redisplay text NOT NULL CHECK (allow_redisplay IN ('always', 'limited', 'unspecified')),
    card text,
    network_transaction_id text,
    credentials text NOT NULL,
    billing_details text NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (NOT detached OR customer_id IS NULL),
    CHECK (type <> 'card' OR card IS NOT NULL)
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE INDEX payment_methods_customer ON payment_methods (account_id, customer_id, id) WHERE customer_id IS NOT NULL;

CREATE TABLE tokens (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    card jsonb NOT NULL,
    used boolean NOT NULL,
    client_ip text,
    holder jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE TABLE confirmation_tokens (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    payment_method_id text COLLATE "C",
    payment_intent_id text COLLATE "C",
    setup_intent_id text COLLATE "C",
    type text NOT NULL,
    card jsonb,
    billing_details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    allow_redisplay text NOT NULL CHECK (allow_redisplay IN ('always', 'limited', 'unspecified')),
    return_url text,
    setup_future_usage text CHECK (setup_future_usage IN ('on_session', 'off_session')),
    use_stripe_sdk boolean NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (payment_intent_id IS NULL OR setup_intent_id IS NULL)
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE TABLE mandates (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    payment_method_id text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'inactive', 'pending')),
    type text NOT NULL CHECK (type IN ('multi_use', 'single_use')),
    amount_minor bigint CHECK (amount_minor >= 0),
    currency text CHECK (length(currency) = 3),
    customer_acceptance jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK ((type = 'single_use') = (amount_minor IS NOT NULL)),
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE INDEX mandates_payment_method ON mandates (account_id, payment_method_id) WHERE payment_method_id IS NOT NULL;

CREATE TABLE checkout_sessions (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    mode text NOT NULL CHECK (mode IN ('payment', 'setup')),
    status text NOT NULL CHECK (status IN ('open', 'complete', 'expired')),
    payment_status text NOT NULL CHECK (payment_status IN ('unpaid', 'paid', 'no_payment_required')),
    currency text CHECK (length(currency) = 3),
    amount_subtotal_minor bigint CHECK (amount_subtotal_minor >= 0),
    amount_total_minor bigint CHECK (amount_total_minor >= 0),
    customer_id text COLLATE "C",
    customer_email text,
    payment_intent_id text COLLATE "C",
    setup_intent_id text COLLATE "C",
    client_reference_id text,
    client_secret text,
    line_items jsonb NOT NULL,
    metadata jsonb NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (mode <> 'payment' OR (amount_total_minor IS NOT NULL AND currency IS NOT NULL)),
    CHECK (status <> 'expired' OR payment_status <> 'paid')
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE INDEX checkout_sessions_customer ON checkout_sessions (account_id, customer_id, id)
    WHERE customer_id IS NOT NULL;

CREATE INDEX checkout_sessions_intent ON checkout_sessions (account_id, payment_intent_id)
    WHERE payment_intent_id IS NOT NULL;

CREATE INDEX checkout_sessions_expiry ON checkout_sessions (expires_at_ms) WHERE status = 'open';

CREATE TABLE products (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    default_price text COLLATE "C",
    metadata jsonb NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE TABLE prices (
    account_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    livemode boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    created_at_ms bigint NOT NULL,
    product_id text COLLATE "C" NOT NULL,
    currency text NOT NULL CHECK (length(currency) = 3),
    unit_amount_minor bigint NOT NULL CHECK (unit_amount_minor >= 0),
    active boolean NOT NULL,
    lookup_key text,
    nickname text,
    tax_behavior text NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (account_id, id)
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE INDEX prices_product ON prices (account_id, product_id, id) WHERE product_id IS NOT NULL;
