"""Canary: is the release under test worse than the one it replaces, and may it take all payments?

Pure logic, called by the release controller: no input or output, no clock, no randomness. ``recording`` takes what
became known of a payment into the state of one canary, ``judging`` turns that state into a verdict. Beneath them
``eprocess`` weighs evidence of harm, ``promotion`` evidence of harmlessness, ``balance`` whether the comparison itself
can be trusted, ``payers`` counts each payer once, and ``exposure`` bounds the share of payments.
``docs/statistics.md`` explains all of it.

The *treated* arm is the one under test: the candidate during a canary (the small arm), the new stable release during
hold-back after promotion (the large one). Nothing here assumes which of the two is small.
"""
