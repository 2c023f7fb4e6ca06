"""Options of the form NAME=VALUE."""

from collections.abc import Sequence

from interlock.cli.output import ExitCode, RefusedError


def pairs(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """Return the names and values that ``option`` was given.

    Raises:
        RefusedError: one of them is no NAME=VALUE. The value is not repeated: it may be a secret.

    """
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise RefusedError(option, "is not of the form NAME=VALUE", f"write {option} name=value", ExitCode.USAGE)
        found[name] = value
    return found
