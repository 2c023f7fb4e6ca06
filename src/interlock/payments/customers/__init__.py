"""Customers: who pays. Called by ``api``, ``cli`` and by checkout; knows instruments, not intents."""
