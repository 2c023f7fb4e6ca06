-- Whether a payer of a release on trial has paid in it before, where most of the other arm's payments are not read.

CREATE INDEX attempts_trial_payer ON attempts (account_id, payer) WHERE share_ppm > 0;
