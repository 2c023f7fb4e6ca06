"""Storage: rows, transactions, group commit, migrations and the embedded Postgres; knows nothing of payments.

Called by every room above (``ledger``, ``vault``, ``payments`` …). Speaks plain Postgres, and only what a replicated
pair or a distributed engine can do too (design section 7).
"""
