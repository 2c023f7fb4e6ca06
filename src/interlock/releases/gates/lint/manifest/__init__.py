"""Checks of a package's manifest: by itself, against the provider's table, against the release that serves now."""
