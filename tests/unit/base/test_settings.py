import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.base.errors import ConfigurationError
from interlock.base.settings import Settings, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder without any variable of ours."""
    for name in list(os.environ):
        if name.startswith("INTERLOCK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _file(text: str) -> None:
    Path("interlock.toml").write_text(text, encoding="utf-8")


def test_defaults_need_neither_file_nor_variable() -> None:
    settings = load_settings()

    assert (settings.database_url, settings.api_port, settings.api_processes) == (None, 8420, 1)
    assert settings.base_url() == "http://127.0.0.1:8420"


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    _file("api_port = 9000\nlog_level = 'debug'\n")
    monkeypatch.setenv("INTERLOCK_API_PORT", "9001")

    settings = load_settings()

    assert (settings.api_port, settings.log_level) == (9001, "debug")


def test_an_unknown_key_in_the_file_is_refused_with_the_name_that_was_meant() -> None:
    _file("api_prot = 9000\n")

    with pytest.raises(
        ConfigurationError, match=r"api_prot in interlock\.toml: is no setting; did you mean api_port\?"
    ):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("INTERLOCK_API_PORT", "http", "valid integer"),
        ("INTERLOCK_API_PORT", "70000", "less than or equal to 65535"),
        ("INTERLOCK_DATABASE_URL", "mysql://me:hunter2@db", "no postgresql:// URL"),
        ("INTERLOCK_PUBLIC_URL", "shop.example", "no http:// or https:// URL"),
        ("INTERLOCK_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_value_is_told_as_field_problem_and_remedy(
    name: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as raised:
        load_settings()

    assert raised.value.field == name
    assert problem in raised.value.problem
    assert raised.value.remedy.startswith("give: ")
    assert "hunter2" not in str(raised.value)


def test_a_named_file_must_exist_and_be_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_settings(Path("nowhere.toml"))
    _file("api_port = = 1")
    with pytest.raises(ConfigurationError, match="is no TOML"):
        load_settings()
    monkeypatch.setenv("INTERLOCK_CONFIG", "elsewhere.toml")
    with pytest.raises(ConfigurationError, match=r"elsewhere\.toml: does not exist"):
        load_settings()


def test_shown_settings_hide_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://me:hunter@2@db:5432/shop?password=hunter3")
    monkeypatch.setenv("INTERLOCK_VAULT_KEYS", "k1:c2VjcmV0")
    settings = load_settings()

    texts = f"{settings.shown()} {settings!r} {settings}"

    assert settings.shown()["database_url"] == "postgresql://me:***@db:5432/shop"
    assert not any(secret in texts for secret in ("hunter", "c2VjcmV0"))


def test_a_child_loads_the_same_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(
        api_port=9123, vault_keys=SecretStr("k1:abc"), public_url="https://pay.example/", log_level="error"
    )

    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)

    assert load_settings().model_dump() == settings.model_dump()
    assert load_settings().base_url() == "https://pay.example"


def test_misspelt_variables_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_API_PROT", "1")

    assert unknown_variables() == {"INTERLOCK_API_PROT": "INTERLOCK_API_PORT"}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8420"),  # noqa: S104 - only read here
        ("::", "http://[::1]:8420"),
        ("shop", "http://shop:8420"),
    ],
)
def test_an_address_that_means_every_interface_is_reached_by_loopback(host: str, url: str) -> None:
    assert Settings(api_host=host).base_url() == url


def test_the_page_on_configuration_is_up_to_date() -> None:
    tool = Path(__file__).parents[3] / "tools" / "settings_doc.py"

    assert subprocess.run([sys.executable, str(tool), "--check"], check=False).returncode == 0
