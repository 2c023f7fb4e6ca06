"""Options of the form NAME=VALUE, and secrets as NAME=@VARIABLE."""

import os
from collections.abc import Mapping, Sequence

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


def secrets(texts: Sequence[str] | None) -> dict[str, str]:
    """Return the values of the variables that ``--credential NAME=@VARIABLE`` names.

    Raises:
        RefusedError: a secret is given in clear, or a variable is not set.

    """
    return resolved(pairs("--credential", texts), "--credential")


def resolved(named: Mapping[str, str], where: str) -> dict[str, str]:
    """Return the values of variables, each named after ``@``.

    Args:
        named: credential → ``@VARIABLE``.
        where: what names them, for the complaint.

    Raises:
        RefusedError: a secret is given in clear, or a variable is not set.

    """
    found: dict[str, str] = {}
    for name, value in named.items():
        variable = value.removeprefix("@")
        if variable == value:
            remedy = "put it into a variable and name that instead, after @"
            raise RefusedError(f"{where} {name}", "is given in clear", remedy, ExitCode.USAGE)
        if variable not in os.environ:
            # A name of a secret is not followed by a word that redaction would take for its value.
            problem = f"the variable {variable} is not set"
            raise RefusedError(f"{where} {name}", problem, f"export {variable}", ExitCode.USAGE)
        found[name] = os.environ[variable]
    return found
