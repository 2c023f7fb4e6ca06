"""Instruments: what a customer pays with. Payment methods, tokens, confirmation tokens, mandates, card sources.

Called by ``api`` and by every payments sub-room that charges; the only payments room that talks to the vault.
"""
