"""The auditor: holds the simulated gateway's own books against our intents, attempts and ledger.

Shares no code with any connector; called when all cases have been played.
"""
