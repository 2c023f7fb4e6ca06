"""Every setting of the switch in one typed object, from ``INTERLOCK_*`` variables and an optional ``interlock.toml``.

``cli``, ``bootstrap`` and the processes' entry points load it once with :func:`load_settings` and hand on plain values;
no other room reads the environment. A variable wins over the file. An unknown key in the file is an error, and every
error is a :class:`~interlock.base.errors.ConfigurationError` that names the field, its problem and the remedy.
"""

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from interlock.base.errors import ConfigurationError

ENV_PREFIX = "INTERLOCK_"
CONFIG_VARIABLE = "INTERLOCK_CONFIG"
DEBUG_VARIABLE = "INTERLOCK_DEBUG"
CONFIG_FILE = "interlock.toml"
_HIDDEN = "(hidden)"
_DATABASE_SCHEMES = ("postgresql://", "postgres://")
_URL_PASSWORD = re.compile(r"(?<=://)([^/@:]*):.*(?=@)")

Port = Annotated[int, Field(ge=1, le=65535)]
Milliseconds = Annotated[int, Field(ge=1, le=86_400_000)]


class Settings(BaseSettings):
    """What can be set. The descriptions are what ``interlock config`` and docs/configuration.md show."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Field(default=Path(".interlock"), description="Folder for the embedded database, keys and logs.")
    database_url: SecretStr | None = Field(
        default=None, description="postgresql:// URL of the database; the embedded Postgres is used without it."
    )
    database_pool_size: int = Field(default=8, ge=2, le=200, description="Connections per process.")
    commit_max_callers: int = Field(
        default=256, ge=1, le=4096, description="Requests whose writes share one commit, at most."
    )

    api_host: str = Field(default="127.0.0.1", min_length=1, description="Address the API listens on.")
    api_port: Port = Field(default=8420, description="Port of the API; `interlock up` picks another when it is taken.")
    api_processes: int = Field(
        default=1, ge=1, le=64, description="API processes; a second one gains nothing on two cores."
    )
    public_url: str | None = Field(
        default=None, description="Where shoppers and gateways reach the API; http://api_host:api_port without it."
    )
    rate_limit_per_s: int = Field(default=5_000, ge=1, description="Requests per second and key before 429.")
    rate_limit_burst: int = Field(default=10_000, ge=1, description="Requests a key may send at once before 429.")
    body_limit_bytes: int = Field(default=1_048_576, ge=1024, description="Largest request body.")
    header_limit_bytes: int = Field(default=32_768, ge=4096, description="Largest request head.")
    request_read_timeout_ms: Milliseconds = Field(default=10_000, description="Time a client has to send its request.")
    keep_alive_ms: Milliseconds = Field(default=75_000, description="Time an idle client connection is kept.")
    max_in_flight: int = Field(
        default=2_000, ge=1, description="Requests one API process works on at once; more get 503."
    )

    payment_budget_ms: Milliseconds = Field(
        default=25_000,
        description="Time one confirm may take over all its routes; what is unknown then is left to recovery.",
    )
    providers: Path | None = Field(
        default=None,
        description="Folder of provider tables for connectors of your own; see docs/release_gates.md.",
    )
    gateway_connections: int = Field(default=1_024, ge=1, description="Open connections per gateway and process.")
    idempotency_kept_ms: int = Field(default=86_400_000, ge=3_600_000, description="Time idempotent answers are kept.")

    recovery_interval_ms: Milliseconds = Field(
        default=500, description="Pause between two looks for unsettled attempts."
    )
    outbox_interval_ms: Milliseconds = Field(default=250, description="Pause between two looks for events to deliver.")
    webhook_timeout_ms: Milliseconds = Field(
        default=10_000, description="Time a shop's endpoint has to answer an event."
    )
    webhook_retry_days: int = Field(default=3, ge=1, le=30, description="Days an undelivered event is tried again.")
    webhook_allow_private: bool = Field(
        default=True, description="Let test-mode endpoints be private addresses such as localhost."
    )

    specs: Path | None = Field(
        default=None, description="Folder of the providers' published documents, for release gates and sandboxes."
    )
    operator_token: SecretStr | None = Field(
        default=None,
        description="Token of the operator who runs the command line, from `interlock operators add`; best a variable "
        "of one shell.",
    )

    vault_keys: SecretStr | None = Field(
        default=None,
        description="Keys of the vault as id:base64 of 32 bytes, separated by commas: master keys, newest first, and "
        "one called fingerprint.",
    )
    vault_key_file: Path | None = Field(
        default=None, description="File with the same; data_dir/vault-keys without it, created by `interlock init`."
    )

    sandbox_stripe_port: Port = Field(default=8421, description="Port of the simulated Stripe.")
    sandbox_adyen_port: Port = Field(default=8422, description="Port of the simulated Adyen.")

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity logged."
    )
    log_file_bytes: int = Field(default=10_000_000, ge=10_000, description="Size at which a log file is rotated.")
    log_files_kept: int = Field(default=5, ge=1, le=100, description="Rotated log files kept per process.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let variables win over the file, whose keys come in as arguments; read nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @field_validator("database_url")
    @classmethod
    def _database_is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(_DATABASE_SCHEMES):
            raise ValueError("is no postgresql:// URL")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url_is_http(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("is no http:// or https:// URL")
        return value.rstrip("/")

    def base_url(self) -> str:
        """Return the address under which shoppers and gateways reach the API, without a closing slash."""
        if self.public_url is not None:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.api_host, self.api_host)  # noqa: S104 - only read
        return f"http://[{host}]:{self.api_port}" if ":" in host else f"http://{host}:{self.api_port}"

    def key_file(self) -> Path:
        """Return the file the vault's key-encryption keys are kept in when no variable holds them."""
        return self.vault_key_file or self.data_dir / "vault-keys"

    def shown(self) -> dict[str, str | int | bool | None]:
        """Return every setting as plain values for people, secrets hidden and a URL's password masked."""
        out: dict[str, str | int | bool | None] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name == "database_url" and value is not None:
                out[name] = _URL_PASSWORD.sub(r"\1:***", value.get_secret_value().partition("?")[0])
            elif isinstance(value, SecretStr):
                out[name] = _HIDDEN
            elif isinstance(value, Path):
                out[name] = str(value)
            else:
                out[name] = value
        return out

    def as_environment(self) -> dict[str, str]:
        """Return the ``INTERLOCK_*`` variables that make a child process load the same settings; whoever started it
        acts in no child's name."""
        out: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is not None and name != "operator_token":
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                out[ENV_PREFIX + name.upper()] = str(plain)
        return out


def load_settings(config_file: Path | None = None) -> Settings:
    """Return the settings of this process.

    Args:
        config_file: the file to read; ``INTERLOCK_CONFIG``, else ``interlock.toml`` in the working folder if it exists.

    Raises:
        ConfigurationError: a value, key or the file itself is wrong.

    """
    path = config_file or Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)
    named = config_file is not None or bool(os.environ.get(CONFIG_VARIABLE))
    values = _read_file(path, must_exist=named)
    try:
        return Settings(**values)
    except pydantic.ValidationError as error:
        raise _explain(error, path) from None


def unknown_variables() -> dict[str, str | None]:
    """Return ``INTERLOCK_*`` variables that set nothing, each with the name that was probably meant."""
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE, DEBUG_VARIABLE}
    out: dict[str, str | None] = {}
    for name in sorted(os.environ):
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in known:
            out[name] = next(iter(difflib.get_close_matches(name.upper(), known, n=1)), None)
    return out


def _read_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise ConfigurationError(str(path), "does not exist", "create it or name another file") from None
        return {}
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ConfigurationError(str(path), f"cannot be read ({reason})", "correct its permissions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"is no TOML ({error})", "correct that line") from None


def _explain(error: pydantic.ValidationError, path: Path) -> ConfigurationError:
    """Return the first mistake as field, problem and remedy; values are not repeated, they may be secrets."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0])
    field = Settings.model_fields.get(name)
    if field is None:
        close = difflib.get_close_matches(name, Settings.model_fields, n=1)
        remedy = f"did you mean {close[0]}?" if close else "see `interlock config` for the keys there are"
        return ConfigurationError(f"{name} in {path}", "is no setting", remedy)
    variable = ENV_PREFIX + name.upper()
    from_variable = any(key.upper() == variable for key in os.environ)
    where = variable if from_variable else f"{name} in {path}"
    message = first["msg"].removeprefix("Value error, ")
    problem = message[0].lower() + message[1:]
    default = "" if field.default is None else f" (default {field.default})"
    return ConfigurationError(where, problem, f"give: {(field.description or name).rstrip('.')}{default}")
