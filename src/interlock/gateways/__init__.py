"""Gateways: the connector contract, outcomes, the one transport and the loader; one folder per provider.

Called by ``payments`` (to run operations) and ``webhooks`` (to verify and parse notifications). Knows nothing
of intents, routing or tables.
"""
