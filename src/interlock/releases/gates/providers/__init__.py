"""What the switch itself knows of each provider: one TOML table per provider, read by :mod:`.tables`.

Written from the providers' own documentation, never from a connector: a release cannot change it, so a manifest that
errs is told so by somebody else. Called by the release gates.
"""
