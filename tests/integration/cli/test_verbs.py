import functools
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Interlock

from interlock.cli.output import ExitCode
from interlock.payments.access.permissions import FAMILIES
from interlock.storage import connections, migrations

_STRIPE = ("gateways", "add", "stripe", "--credential", "secret_key=@STRIPE_KEY")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_KEY", "sk_test_sandbox_1234567890")


def test_init_makes_settings_keys_schema_and_account_once(interlock: Interlock) -> None:
    first = interlock("init", "--name", "Bakery")
    second = interlock("init")

    assert (first.code, second.code) == (0, 0)
    assert "opened acct_" in first.out
    assert "is there already (Bakery)" in second.out
    assert stat.S_IMODE(Path(".interlock/vault-keys").stat().st_mode) == 0o600
    assert interlock("config").code == 0  # the file that was written can be read


def test_init_refuses_wrong_facts_in_one_line(interlock: Interlock) -> None:
    said = interlock("init", "--country", "nl")

    assert said.code == ExitCode.FAILED
    assert said.err.count("\n") == 1
    assert said.err.startswith("interlock: country: ")


def test_migrate_shows_where_the_database_stands(interlock: Interlock) -> None:
    rows = interlock("migrate", "--status", "--json").json()

    assert rows
    assert all(row["applied"] for row in rows)
    assert "up to date" in interlock("migrate").out


def test_a_key_is_shown_once_listed_by_its_end_and_revoked(installed: Interlock) -> None:
    made = installed("keys", "create", "--name", "web", "--json").json()
    browser = installed("keys", "create", "--publishable").out.splitlines()[0]
    listed = {row["id"]: row for row in installed("keys", "list", "--json").json()}

    assert made["key"].startswith("sk_test_")
    assert browser.startswith("pk_test_")
    assert listed[made["id"]]["key"] == f"sk_test_…{made['key'][-4:]}"
    assert listed[made["id"]]["name"] == "web"
    assert installed("keys", "revoke", made["id"]).code == 0
    revoked = {row["id"] for row in installed("keys", "list", "--json").json() if row["revoked_at"] is not None}
    assert revoked == {made["id"]}


def test_a_restricted_key_is_made_by_what_it_may_do(installed: Interlock) -> None:
    made = installed("keys", "create", "--allow", "charge=read", "--allow", "payment_intent=write", "--json").json()
    listed = {row["id"]: row for row in installed("keys", "list", "--json").json()}

    assert made["key"].startswith("rk_test_")
    assert (listed[made["id"]]["kind"], listed[made["id"]]["allowed"]) == (
        "restricted",
        "charge=read payment_intent=write",
    )


def test_the_help_of_keys_names_every_family_that_can_be_allowed(interlock: Interlock) -> None:
    said = interlock("keys", "create", "--help").out

    assert all(family in said for family in FAMILIES)


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        (("keys", "create", "--allow", "invoices=read"), ExitCode.USAGE, "Invalid value for --allow"),
        (("keys", "create", "--allow", "charge=delete"), ExitCode.USAGE, "Invalid value for --allow"),
        (("keys", "create", "--allow", "charge=read", "--publishable"), ExitCode.USAGE, "Invalid value for --allow"),
        (("keys", "revoke", "key_none"), ExitCode.FAILED, "id"),
        (("keys", "list", "--account", "acct_none"), ExitCode.USAGE, "--account"),
        (("payments", "show", "pi_none"), ExitCode.FAILED, "ID"),
        (("payments", "list", "--status", "paid"), ExitCode.USAGE, "--status"),
        (("gateways", "show", "gw_none"), ExitCode.FAILED, "ID"),
        (("gateways", "add", "bank"), ExitCode.USAGE, "CONNECTOR"),
        (("gateways", "add", "stripe", "--set", "x"), ExitCode.USAGE, "--set"),
        (("gateways", "add", "stripe", "--credential", "secret_key=sk_live_abc"), ExitCode.USAGE, "--credential"),
        (("gateways", "add", "stripe", "--credential", "secret_key=@UNSET"), ExitCode.USAGE, "--credential"),
        (("gateways", "add", "stripe"), ExitCode.CONFIGURATION, "credentials.secret_key"),
        ((*_STRIPE, "--live"), ExitCode.CONFIGURATION, "credentials.secret_key"),
        ((*_STRIPE, "--set", "colour=red"), ExitCode.CONFIGURATION, "settings.colour"),
        (("shop", "--rate", "0"), ExitCode.USAGE, "Invalid value for '--rate'"),
        (("up", "--fixtures", "nowhere.json"), ExitCode.USAGE, "--fixtures"),
        (("sandbox", "books", "paypal"), ExitCode.USAGE, "gateway"),
        (("sandbox", "faults", "list", "stripe", "--url", "http://127.0.0.1:1"), ExitCode.UNREACHABLE, "sandbox"),
    ],
)
def test_a_mistake_is_one_line_that_begins_with_the_field(
    installed: Interlock, arguments: tuple[str, ...], code: ExitCode, field: str
) -> None:
    said = installed(*arguments)

    assert said.code == code, said.err
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"interlock: {field}"), said.err
    assert ";" in said.err
    assert "sk_live_abc" not in said.err


def test_a_gateway_is_added_shown_without_secrets_switched_off_and_on(installed: Interlock) -> None:
    added: dict[str, Any] = installed(*_STRIPE, "--json").json()
    shown = installed("gateways", "show", "stripe")

    assert added["connector"] == "stripe"
    assert added["release"].startswith("rel_")
    assert "sk_test_sandbox_1234567890" not in shown.out
    assert "secret_key" in shown.out
    assert installed("gateways", "disable", "stripe").code == 0
    assert installed("gateways", "list", "--json").json()[0]["enabled"] is False
    assert installed("gateways", "enable", added["id"]).code == 0
    assert installed("gateways", "list", "--json").json()[0]["enabled"] is True


def test_a_gateway_whose_host_is_away_is_unreachable(installed: Interlock) -> None:
    installed(*_STRIPE, "--set", "base_url=http://127.0.0.1:1")

    said = installed("gateways", "test", "stripe")

    assert said.code == ExitCode.UNREACHABLE
    assert "http://127.0.0.1:1: cannot be reached (connection refused)" in said.err


def test_the_doctor_finds_what_is_missing_and_says_what_to_do(interlock: Interlock) -> None:
    before = {row["check"]: row for row in interlock("doctor", "--json").json()}
    interlock("init")
    after = interlock("doctor", "--json")
    found = {row["check"]: row for row in after.json()}

    assert before["vault"]["state"] == "bad"
    assert "interlock init" in before["vault"]["remedy"]
    assert {
        found[check]["state"] for check in ("settings", "database", "migrations", "clock", "vault", "accounts")
    } == {"good"}
    assert found["gateways"]["state"] == "bad"
    assert "interlock gateways add" in found["gateways"]["remedy"]
    assert after.code == ExitCode.FAILED


def test_an_old_schema_is_told_with_its_remedy(
    alone: None, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, interlock: Interlock
) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", empty_database_url)

    listed = interlock("keys", "list")
    doctor = {row["check"]: row for row in interlock("doctor", "--json").json()}

    assert listed.code == ExitCode.FAILED
    assert listed.err == "interlock: database: its schema is older than this version; run `interlock migrate`\n"
    assert doctor["migrations"]["state"] == "bad"


def test_a_database_that_is_away_is_exit_code_four(interlock: Interlock, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = functools.partial(connections.open_connection, connect_for_s=0.2)
    monkeypatch.setattr(migrations, "open_connection", impatient)
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")

    said = interlock("migrate", "--status")

    assert said.code == ExitCode.UNREACHABLE
    assert said.err.count("\n") == 1
    assert "secret" not in said.err


def test_the_vault_tells_which_keys_are_needed_and_changes_them(
    installed: Interlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(*_STRIPE)
    file = Path(".interlock/vault-keys")
    new = f"k2:{'A' * 43}=\n"
    file.write_text(new + file.read_text(encoding="ascii"), encoding="ascii")

    before = {row["key"]: row for row in installed("vault", "status", "--json").json()}
    done = installed("vault", "rewrap")
    after = {row["key"]: row for row in installed("vault", "status", "--json").json()}

    assert (before["k1"]["gateways"], before["k2"]["seals_new"]) == (1, True)
    assert "1 gateways" in done.out
    assert (after["k1"]["gateways"], after["k2"]["gateways"]) == (0, 1)


def test_a_data_folder_that_cannot_be_made_is_told(interlock: Interlock, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("INTERLOCK_DATA_DIR", "file/data")

    said = interlock("up")

    assert said.code == ExitCode.CONFIGURATION
    assert said.err.count("\n") == 1
    assert "data_dir" in said.err
