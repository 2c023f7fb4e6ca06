"""``interlock config``: every setting, its value now and what it means."""

import typer

from interlock.base.settings import ENV_PREFIX, Settings, load_settings, unknown_variables
from interlock.cli.output import JsonOption, complain, print_rows


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    app.command("config", epilog="Example:  INTERLOCK_API_PORT=9000 interlock config --json")(show)


def show(as_json: JsonOption = False) -> None:
    """Show every setting with its value (secrets hidden), variable and meaning.

    A setting is given as INTERLOCK_NAME in the environment or as name = value in interlock.toml (or in the file that
    INTERLOCK_CONFIG names); the environment wins.
    """
    settings = load_settings()
    rows = [
        {
            "setting": name,
            "value": value,
            "variable": ENV_PREFIX + name.upper(),
            "meaning": Settings.model_fields[name].description,
            "changed": name in settings.model_fields_set,
        }
        for name, value in settings.shown().items()
    ]
    print_rows(rows, ("setting", "value", "changed", "meaning"), as_json=as_json, empty="")
    for name, close in unknown_variables().items():
        hint = f"did you mean {close}?" if close else "remove it"
        complain(f"{name}: is no setting; {hint}")
