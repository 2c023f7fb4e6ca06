"""Checkout: sessions that take one payment or save one card on a page of ours, and the goods they name.

Called by ``api`` and ``console``; drives intents through the use cases handed to it, never their tables.
"""
