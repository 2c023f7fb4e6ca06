"""Gate ``lint``: what can be known of a package and its account without running a line of it.

Called through :func:`run` by whoever runs gates. Reads TOML and syntax trees; no code of a package is ever executed.
"""

from interlock.releases.gates.lint.gate import run as run

__all__ = ["run"]
