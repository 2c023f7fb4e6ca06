"""How one simulated gateway is started."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be chosen at the start; times in the names' units."""

    provider: str
    host: str = "127.0.0.1"
    port: int = 0
    port_file: Path | None = None
    data_dir: Path | None = None
    seed: int = 0
    specs: Path | None = None
    validate: bool = True
    webhook_url: str = ""
    webhook_secret: str = ""
    webhook_events: tuple[str, ...] = ()
    webhook_delay_ms: int = 50
    modification_delay_ms: int = 50
    die_with_parent: bool = True
