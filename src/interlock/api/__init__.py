"""The Stripe-compatible HTTP API: translates requests into commands and values into answers, decides nothing.

Called by ``cli`` and ``worker`` (which serve the app) and by nobody else; calls the use cases it is given.
"""
