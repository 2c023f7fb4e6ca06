"""Payments: the data plane. State machines, attempts, idempotency, recovery, refunds, disputes.

Called by ``api``, ``webhooks``, ``worker``, ``cli`` and ``console`` through the services of its sub-rooms; calls
routing, gateways, vault, ledger and storage. Each sub-room has ``types.py`` (frozen values and their tables),
``service.py`` (use cases) and its pure decisions in files named after what they decide.
"""
