"""Releases: immutable integrations, the gates they pass, the canary, promotion and rollback (control plane).

Called by ``api``, ``cli`` and ``worker`` through ``bootstrap``. Writes the rows that ``routing`` reads; nothing on the
payment path calls it, and payments go on, on stable, when all of it is dead.
"""
