"""Checks of how an account would run a package: settings, credentials, expiry."""
