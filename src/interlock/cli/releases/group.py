"""``interlock release``: a change of an integration from a folder to real money, and back."""

import typer

from interlock.cli.releases import (
    abort,
    affected,
    approve,
    check,
    create,
    diff,
    gates,
    journal,
    listing,
    promote,
    rollback,
    show,
    validate,
)

_HELP = """Releases: change an integration without stopping the shop.

check a folder → create → gates → approve → promote (canary) → promote (stable) → validate; rollback at any time.
"""


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    for verb in (
        check,
        create,
        listing,
        show,
        diff,
        gates,
        approve,
        promote,
        abort,
        rollback,
        validate,
        affected,
        journal,
    ):
        verb.register(group)
    app.add_typer(group, name="release")
