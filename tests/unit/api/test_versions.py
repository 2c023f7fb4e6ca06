import pytest

from interlock.api.versions import cards_unless_told


@pytest.mark.parametrize(
    ("version", "cards_only"),
    [
        (None, False),
        ("2011-01-01", True),
        ("2022-11-15", True),
        ("2022-11-15; orders_beta=v4", True),
        ("2023-08-15", True),
        ("2023-08-16", False),
        ("2026-05-27.dahlia", False),
        ("latest", False),
        ("1999", False),
        ("2022-11-150", False),
        ("2022-11", False),
        ("", False),
    ],
)
def test_older_versions_take_cards_only_and_what_is_no_date_is_ours(version: str | None, cards_only: bool) -> None:
    assert cards_unless_told(version) is cards_only
