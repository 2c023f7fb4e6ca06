"""Access: accounts (merchants) and their API keys.

Called by ``api`` (which account a key stands for), ``cli`` and the quick start (create, list, revoke). A key is shown
once, when it is made; what is kept is its hash.
"""
