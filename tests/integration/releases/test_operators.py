"""Operators on a real database: a token proves a name, until it is revoked; what is kept of it proves nothing."""

import pytest

from interlock.base.clock import ManualClock
from interlock.base.problems import Problem
from interlock.base.redaction import scrub
from interlock.releases.operators import NewOperator, Operators
from interlock.releases.types import Actor
from interlock.routing import journal
from interlock.storage.database import Database

SOMEBODY = Actor("cli:root")


@pytest.fixture
def operators(database: Database) -> Operators:
    return Operators(database, ManualClock(1_764_000_000_000))


async def added(operators: Operators, name: str, account_id: str = "acct_1") -> NewOperator:
    made = await operators.add(account_id, name, SOMEBODY)
    assert isinstance(made, NewOperator), made
    return made


async def test_a_token_proves_a_name_of_one_account(operators: Operators) -> None:
    ann, bob = await added(operators, "ann"), await added(operators, "bob", "acct_2")
    found = await operators.find(ann.token)
    assert found is not None
    assert (found.account_id, found.actor) == ("acct_1", Actor("ann", verified=True))
    other = await operators.find(bob.token)
    assert other is not None
    assert (other.account_id, other.name) == ("acct_2", "bob")
    assert [one.name for one in await operators.list_operators("acct_1")] == ["ann"]


async def test_no_row_and_no_text_holds_the_token(operators: Operators, database: Database) -> None:
    made = await added(operators, "ann")
    assert made.token.startswith("iop_")
    assert len(made.token) == 44
    rows = await database.fetch(
        "SELECT o::text AS row FROM operators AS o UNION SELECT j::text FROM change_journal AS j"
    )
    assert rows
    assert not [row for row in rows if made.token[4:] in row["row"]]
    assert made.token not in repr(made)
    assert scrub(f"Authorization: Bearer {made.token}").count(made.token[8:]) == 0


async def test_a_revoked_token_is_worth_nothing_and_its_name_is_free(operators: Operators) -> None:
    ann = await added(operators, "ann")
    gone = await operators.revoke("acct_1", "ann", Actor("bob", verified=True))
    assert not isinstance(gone, Problem)
    assert await operators.find(ann.token) is None
    again = await operators.revoke("acct_1", ann.record.id, SOMEBODY)
    assert again == gone, "revoking twice changes nothing"
    assert (await added(operators, "ann")).token != ann.token


async def test_texts_of_another_shape_and_unknown_tokens_are_nobodys(operators: Operators) -> None:
    made = await added(operators, "ann")
    for text in ("", "iop_", made.token[:-1], made.token + "a", made.token.upper(), "iop_" + "0" * 40, "iop_é" * 10):
        assert await operators.find(text) is None


@pytest.mark.parametrize("name", ["", "Ann", "ann smith", "cli:ann", "controller", "system", "x" * 65, "ann\x1b[2J"])
async def test_a_name_cannot_pass_for_anothers(operators: Operators, name: str) -> None:
    refused = await operators.add("acct_1", name, SOMEBODY)
    assert isinstance(refused, Problem)
    assert refused.param == "name"


async def test_a_name_in_use_is_not_given_twice(operators: Operators) -> None:
    await added(operators, "ann")
    refused = await operators.add("acct_1", "ann", SOMEBODY)
    assert isinstance(refused, Problem)
    assert refused.code == "operator_exists"


async def test_who_added_and_revoked_whom_is_in_the_journal(operators: Operators, database: Database) -> None:
    made = await added(operators, "ann")
    await operators.revoke("acct_1", made.record.id, Actor("bob", verified=True))
    entries = await journal.read(database, "acct_1", subject=made.record.id)
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("bob", "operator.revoked"),
        ("cli:root", "operator.added"),
    ]
