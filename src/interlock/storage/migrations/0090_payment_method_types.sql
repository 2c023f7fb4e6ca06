-- Payment methods that are no cards. The facts of a bank account stand in the column that cards have (as a JSON array);
-- of a payment by bank transfer nothing is known. One rule instead of two: each costs every payment that is written.

ALTER TABLE payment_methods DROP CONSTRAINT payment_methods_type_check;

ALTER TABLE payment_methods DROP CONSTRAINT payment_methods_check1;

ALTER TABLE payment_methods ADD CONSTRAINT payment_methods_facts_check
    CHECK (type = 'customer_balance' OR (type IN ('card', 'sepa_debit') AND card IS NOT NULL)) NOT VALID;

ALTER TABLE mandates ADD COLUMN method_type text NOT NULL DEFAULT 'card';

ALTER TABLE checkout_sessions ADD COLUMN awaiting boolean NOT NULL DEFAULT false;

CREATE INDEX checkout_sessions_awaiting ON checkout_sessions (created_at_ms) WHERE awaiting;
