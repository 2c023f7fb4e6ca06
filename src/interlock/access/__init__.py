"""Access: the accounts served here and the API keys that speak for them.

Called by ``api`` (whose key is this?), ``cli`` and ``bootstrap``. Knows nothing of payments.
"""
