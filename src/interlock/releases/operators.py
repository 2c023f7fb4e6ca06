"""Operators: the people and programs that may change what payments run by, each with a token of its own.

Called by ``cli`` and ``api``. A token proves a name, and live mode goes by proven names only: who proposes a release
does not approve it. Only the SHA-256 of a token is kept; with its randomness a slow hash would be no better.
"""

import hashlib
import hmac
import re

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.ids import new_id, new_secret
from interlock.base.problems import Problem, invalid, missing
from interlock.releases.store import ReleaseStore
from interlock.releases.types import CONTROLLER, Actor
from interlock.routing.journal import Entry
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.tables import Table
from interlock.storage.writes import Insert, Update

TOKEN_PREFIX = "iop_"  # noqa: S105 - the beginning of every token
_RANDOM_CHARACTERS = 40
_SHAPE = re.compile(rf"{TOKEN_PREFIX}[0-9A-Za-z]{{{_RANDOM_CHARACTERS}}}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_RESERVED = frozenset({CONTROLLER, "system", "worker", "sandbox"})
_SHOWN = 4
_LISTED_MAX = 1_000
_QUERIES = load_queries("interlock.releases")


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """One operator of one account. ``hint`` is what may be shown of the token."""

    account_id: str
    id: str
    version: int
    created_at_ms: int
    name: str
    token_hash: str
    hint: str
    revoked_at_ms: int | None = None

    @property
    def actor(self) -> Actor:
        """Return the operator as whoever acts; the token has proven the name."""
        return Actor(self.name, verified=True)


class NewOperator(msgspec.Struct, frozen=True):
    """An operator just added, and the only sight of the token."""

    record: Operator
    token: str

    def __repr__(self) -> str:
        """Return the record's id, never the token."""
        return f"NewOperator({self.record.id})"

    __str__ = __repr__


OPERATORS = Table(Operator, "operators", fixed=("created_at_ms", "name", "token_hash", "hint"))


class Operators:
    """Use cases. One per process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to ``database``."""
        self._database = database
        self._store = ReleaseStore(database)
        self._clock = clock

    async def add(self, account_id: str, name: str, actor: Actor) -> NewOperator | Problem:
        """Make an operator; the token that is returned is kept nowhere.

        Args:
            account_id: the account whose releases it may change, in both modes.
            name: who it is; one person keeps one name, or the rule of two people means nothing.
            actor: who adds it.

        """
        problem = _name_problem(name)
        if problem is not None:
            return problem
        taken = [one for one in await self.list_operators(account_id) if one.name == name and one.revoked_at_ms is None]
        if taken:
            message = f"There is an operator {name} already ({taken[0].id}). Revoke it first, or choose another name."
            return invalid(message, code="operator_exists", param="name", status=409)
        now_ms = self._clock.now_ms()
        token = TOKEN_PREFIX + new_secret(_RANDOM_CHARACTERS)
        record = Operator(
            account_id=account_id,
            id=new_id("opr", now_ms),
            version=1,
            created_at_ms=now_ms,
            name=name,
            token_hash=_hash_of(token),
            hint=f"{TOKEN_PREFIX}…{token[-_SHOWN:]}",
        )
        facts = {"name": name, "hint": record.hint}
        entry = Entry(actor=actor.name, action="operator.added", subject=record.id, why="", facts=facts)
        problem = await self._store.commit(_scope(account_id), [Insert(OPERATORS, record)], [entry], now_ms)
        return problem or NewOperator(record, token)

    async def list_operators(self, account_id: str) -> list[Operator]:
        """Return the account's operators, revoked ones too, newest first."""
        rows = await self._database.fetch(_QUERIES["operators_of"], account_id, _LISTED_MAX)
        return [OPERATORS.decode(row) for row in rows]

    async def revoke(self, account_id: str, operator_id: str, actor: Actor) -> Operator | Problem:
        """Make a token useless from the next request on; what was done in its name stays in the journal.

        Args:
            account_id: whose.
            operator_id: the id, or the name of one that is not revoked.
            actor: who revokes it.

        """
        known = await self.list_operators(account_id)
        named = [one for one in known if one.name == operator_id and one.revoked_at_ms is None]
        found = next((one for one in known if one.id == operator_id), None) or next(iter(named), None)
        if found is None:
            return missing("operator", operator_id)
        if found.revoked_at_ms is not None:
            return found
        now_ms = self._clock.now_ms()
        revoked = msgspec.structs.replace(found, version=found.version + 1, revoked_at_ms=now_ms)
        entry = Entry(actor=actor.name, action="operator.revoked", subject=found.id, why="", facts={"name": found.name})
        problem = await self._store.commit(_scope(account_id), [Update(OPERATORS, revoked)], [entry], now_ms)
        return problem or revoked

    async def find(self, token: str) -> Operator | None:
        """Return whose token it is; None when it is malformed, unknown or revoked.

        Raises:
            StorageError: the database cannot be asked.

        """
        if not looks_like_a_token(token):
            return None
        token_hash = _hash_of(token)
        found = None
        for row in await self._database.fetch(_QUERIES["operators_by_token"], token_hash):
            one = OPERATORS.decode(row)
            # The index compares byte by byte; what it finds is compared again in a time that tells nothing.
            if hmac.compare_digest(one.token_hash, token_hash) and one.revoked_at_ms is None:
                found = one
        return found


def looks_like_a_token(text: str) -> bool:
    """Return True for text of the shape that tokens have; anything else need not be looked up."""
    return _SHAPE.fullmatch(text) is not None


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _name_problem(name: str) -> Problem | None:
    if not _NAME.fullmatch(name):
        message = "An operator's name is 1 to 64 small letters, digits and . _ @ + -, such as ann or ci@shop."
        return invalid(message, param="name")
    if name in _RESERVED:
        return invalid(f"{name} is what the switch calls itself: choose another name.", param="name")
    return None


def _scope(account_id: str) -> Scope:
    # An operator is of both modes; its entries stand with those of live mode, which is what tokens are for.
    return Scope(account_id, livemode=True)
