"""Write docs/configuration.md from the settings themselves. Usage: ``python tools/settings_doc.py [--check]``."""

import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from interlock.base.settings import ENV_PREFIX, Settings

_FILE = Path(__file__).parents[1] / "docs" / "configuration.md"
_HEAD = """# Configuration

Nothing has to be set: `interlock up` runs on defaults. A setting is given in one of two places:

- as a variable: `INTERLOCK_API_PORT=9000 interlock up`
- as a line `api_port = 9000` in `interlock.toml` in the working folder, or in the file that `INTERLOCK_CONFIG` names.

The variable wins. An unknown key in the file is an error; a misspelt variable is told by `interlock config` and
`interlock doctor`. `interlock config` shows every setting with its value now, secrets hidden. `INTERLOCK_DEBUG=1` shows
the traceback of an unexpected error.

A wrong value ends the command with exit code 3 and one line:

    interlock: INTERLOCK_API_PORT: input should be a valid integer, …; give: Port of the API; … (default 8420)

| setting | default | meaning |
|---|---|---|
"""
_FOOT = """
This page is written by `python tools/settings_doc.py`; a test compares.

## For production

1. `INTERLOCK_DATABASE_URL` names a Postgres you back up (16 or newer); the embedded one is for trying and for tests.
2. `INTERLOCK_VAULT_KEYS` comes from your secret store: `k1:<base64 of 32 bytes>,fingerprint:<base64 of 32 bytes>`,
   newest first. Without these keys stored cards cannot be read: back them up apart from the database.
   To change the key put a new one in front, restart, run `interlock vault rewrap`; `interlock vault status` tells when
   the old one is needed no more.
3. `INTERLOCK_PUBLIC_URL` is the https address that shoppers and gateways reach; TLS ends at your proxy.
4. Run `interlock migrate`, then `python -m interlock.api` and `python -m interlock.worker` under your service manager.
   Both may run several times.
"""


def page() -> str:
    """Return the whole page."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is None or default is PydanticUndefined else f"`{default}`"
        rows.append(f"| `{name}`<br>`{ENV_PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return _HEAD + "\n".join(rows) + "\n" + _FOOT


def main() -> int:
    """Write the page, or with ``--check`` say whether it is up to date."""
    if "--check" in sys.argv[1:]:
        return int(not _FILE.exists() or _FILE.read_text(encoding="utf-8") != page())
    _FILE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
