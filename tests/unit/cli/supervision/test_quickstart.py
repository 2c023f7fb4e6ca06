import stat
from pathlib import Path

import pytest

from interlock.cli.output import RefusedError
from interlock.cli.supervision.quickstart import (
    Quickstart,
    QuickstartGateway,
    only_one,
    read_quickstart,
    write_quickstart,
)
from interlock.cli.supervision.screen import curl

_QUICKSTART = Quickstart(
    api_url="http://127.0.0.1:8420",
    secret_key="sk_test_1234567890",
    publishable_key="pk_test_1234567890",
    webhook_secret="whsec_1234567890",
    gateways=[QuickstartGateway(id="gw_1", name="stripe", url="http://127.0.0.1:8421")],
    ports={"api": 8420},
)


def test_what_is_written_is_read_back_and_for_the_owner_only(tmp_path: Path) -> None:
    path = write_quickstart(tmp_path, _QUICKSTART)

    assert read_quickstart(tmp_path) == _QUICKSTART
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_or_absent_file_is_as_if_it_never_was(tmp_path: Path) -> None:
    assert read_quickstart(tmp_path) is None
    (tmp_path / "quickstart.json").write_text('{"api_url": 1}', encoding="utf-8")
    assert read_quickstart(tmp_path) is None


def test_keys_are_not_in_its_text() -> None:
    assert "sk_test" not in f"{_QUICKSTART} {_QUICKSTART!r}"


def test_a_folder_is_served_once_at_a_time(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(RefusedError, match="is served by another"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_the_curl_quotes_what_a_shell_would_expand() -> None:
    assert curl(_QUICKSTART).splitlines() == [
        "curl http://127.0.0.1:8420/v1/payment_intents -u sk_test_1234567890: \\",
        "  -d amount=2000 \\",
        "  -d currency=usd \\",
        "  -d payment_method=pm_card_visa \\",
        "  -d confirm=true \\",
        "  -d 'automatic_payment_methods[enabled]=true' \\",
        "  -d 'automatic_payment_methods[allow_redirects]=never'",
    ]
