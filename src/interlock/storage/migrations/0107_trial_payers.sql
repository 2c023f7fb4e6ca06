-- Of a release on trial the controller asks whether a payer has paid in it before: most of the other arm's payments are
-- not read. A hash, because each payment of a trial is written into it: a tree of random names costs several times as
-- much. What is new is found by the primary key, so that there is still one index of trials.

CREATE INDEX attempts_trial_payer ON attempts USING hash (payer) WHERE share_ppm > 0;

DROP INDEX attempts_trial;
