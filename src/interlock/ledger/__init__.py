"""Ledger: double entry per account, mode and currency; knows transactions and transfers, no payment objects.

Called by ``payments`` (postings put into its own group commit, balance, lists), ``worker`` (snapshots, checks), ``cli``
and ``console``. ``postings`` is pure; ``service`` reads; only the caller's commit writes money.
"""
