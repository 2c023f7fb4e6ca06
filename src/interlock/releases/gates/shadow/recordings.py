"""Reads recordings of a gateway from the database: the newest of every kind of attempt, bounded in number and bytes.

Called by ``releases.service`` before it runs the gate, and by ``cli`` to write a file. Reads rows of payments that
nobody changes for it; works for attempts made by any earlier release.
"""

import secrets
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import first_id
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.payments.attempts.service import EXCHANGES_KEPT_DAYS
from interlock.payments.attempts.types import ATTEMPTS, EXCHANGES, Attempt, Exchange
from interlock.payments.instruments.types import PAYMENT_METHODS, PaymentMethod
from interlock.payments.intents.types import INTENTS, Intent
from interlock.payments.setup.types import SETUP_INTENTS, SetupIntent
from interlock.releases.gates.shadow.making import BROKEN, Rows, recording_of, runs_of
from interlock.releases.gates.shadow.stand_ins import facts_of_config
from interlock.releases.gates.shadow.strata import in_turn
from interlock.releases.gates.shadow.types import ConfigFacts, Recording, Recordings
from interlock.routing.releases import RELEASES, Release
from interlock.routing.types import Gateway
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries(__package__)
_DAY_MS = 86_400_000
_STEP = 2_000
_CHUNK = 50
_EXCHANGES_AN_ATTEMPT = 40
_AFTER_EVERY_ID = "exc`"  # the sign after the underscore
_SALT_BYTES = 16


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is read: recordings and their bytes, and rows that are looked back through for them."""

    recordings: int = 500
    bytes: int = 8_388_608
    exchanges_seen: int = 100_000
    attempts_seen: int = 200_000


class _Kept(msgspec.Struct, frozen=True):
    """An attempt that has kept exchanges, and which kind of attempt it is."""

    attempt_id: str
    stratum: Hashable


class _Known(msgspec.Struct, frozen=True):
    """What a chunk of attempts belongs to, by id."""

    intents: Mapping[str, Intent]
    setups: Mapping[str, SetupIntent]
    methods: Mapping[str, PaymentMethod]
    exchanges: Mapping[str, Sequence[Exchange]]
    releases: Mapping[str, Release]


class Reader:
    """Reads the recordings of one gateway."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        config: ConnectorConfig,
        public_url: str,
        now_ms: int,
        limits: Limits,
    ) -> None:
        """Read of ``gateway``, which is configured by ``config`` now; secrets of it are not looked at."""
        self._database = database
        self._gateway = gateway
        self._config = facts_of_config(config)
        self._public_url = public_url
        self._now_ms = now_ms
        self._since_ms = now_ms - EXCHANGES_KEPT_DAYS * _DAY_MS
        self._limits = limits
        self._scope = Scope(gateway.account_id, gateway.livemode)
        self._salt = secrets.token_bytes(_SALT_BYTES)

    async def read(self) -> Recordings:
        """Return the recordings, with what was left out and what the traffic of the time was made of."""
        chosen = [one.attempt_id for one in in_turn(await self._kept(), lambda one: one.stratum)]
        made: list[Recording] = []
        left_out: Counter[str] = Counter()
        size = 0
        for chunk in _chunks(chosen, _CHUNK):
            for one in await self._recordings(chunk):
                if isinstance(one, str):
                    left_out[one] += 1
                    continue
                size += len(msgspec.json.encode(one))
                if len(made) == self._limits.recordings or size > self._limits.bytes:
                    return self._whole(made, left_out, await self._traffic())
                made.append(one)
        return self._whole(made, left_out, await self._traffic())

    def _whole(self, made: Iterable[Recording], left_out: dict[str, int], traffic: dict[str, int]) -> Recordings:
        return Recordings(
            connector=self._gateway.connector,
            livemode=self._gateway.livemode,
            recordings=tuple(made),
            left_out=dict(left_out),
            traffic=traffic,
            config=self._config,
            read_at_ms=self._now_ms,
        )

    async def _kept(self) -> list[_Kept]:
        """Return the attempts that have kept exchanges, newest first."""
        account_id, since = self._gateway.account_id, first_id("exc", self._since_ms)
        found: dict[str, _Kept] = {}
        before = _AFTER_EVERY_ID
        for _ in range(0, self._limits.exchanges_seen, _STEP):
            rows = await self._database.fetch(
                _QUERIES["kept_exchanges"], account_id, since, before, _STEP, self._gateway.id, self._gateway.livemode
            )
            for row in rows:
                if row["attempt_id"] is not None:
                    found.setdefault(row["attempt_id"], _Kept(row["attempt_id"], _stratum(dict(row))))
            if len(rows) < _STEP:
                break
            before = rows[-1]["exchange_id"]
        return list(found.values())

    async def _recordings(self, attempt_ids: Sequence[str]) -> list[Recording | str]:
        """Return for every run of the attempts its recording, or why there is none."""
        by_id = await self._database.get_many(ATTEMPTS, self._scope, attempt_ids)
        attempts = [by_id[attempt_id] for attempt_id in attempt_ids if attempt_id in by_id]
        known = await self._known(attempts)
        return [one for attempt in attempts for one in self._made(attempt, known)]

    def _made(self, attempt: Attempt, known: _Known) -> Iterator[Recording | str]:
        rows = Rows(
            attempt=attempt,
            config=self._config_of(known.releases.get(attempt.release_id)),
            public_url=self._public_url,
            intent=known.intents.get(attempt.intent_id or attempt.subject_id),
            setup=known.setups.get(attempt.intent_id or attempt.subject_id),
            method=known.methods.get(attempt.payment_method_id or ""),
        )
        try:
            runs = runs_of(attempt, known.exchanges.get(attempt.id, ()))
        except msgspec.ValidationError:
            yield BROKEN
            return
        for run in runs:
            yield recording_of(rows, run, self._salt)

    def _config_of(self, release: Release | None) -> ConfigFacts:
        """Return how the gateway was configured when ``release`` ran; as it is now where that is not known."""
        if release is None:
            return self._config
        given = " ".join(sorted(release.credentials))
        return ConfigFacts(livemode=release.livemode, settings=release.settings, credentials=given)

    async def _known(self, attempts: Sequence[Attempt]) -> _Known:
        database, scope = self._database, self._scope
        subjects = {attempt.intent_id or attempt.subject_id for attempt in attempts}
        methods = {attempt.payment_method_id for attempt in attempts if attempt.payment_method_id is not None}
        ids = [attempt.id for attempt in attempts]
        found = await database.fetch(_QUERIES["exchanges_of"], scope.account_id, ids, len(ids) * _EXCHANGES_AN_ATTEMPT)
        exchanges: dict[str, list[Exchange]] = {}
        for one in map(EXCHANGES.decode, found):
            exchanges.setdefault(one.attempt_id, []).append(one)
        return _Known(
            await database.get_many(INTENTS, scope, subjects),
            await database.get_many(SETUP_INTENTS, scope, subjects),
            await database.get_many(PAYMENT_METHODS, scope, methods),
            exchanges,
            await database.get_many(RELEASES, scope, {attempt.release_id for attempt in attempts}),
        )

    async def _traffic(self) -> dict[str, int]:
        rows = await self._database.fetch(
            _QUERIES["traffic"],
            self._gateway.account_id,
            first_id("at", self._since_ms),
            self._limits.attempts_seen,
            self._gateway.id,
            self._gateway.livemode,
        )
        traffic: Counter[str] = Counter()
        for row in rows:
            traffic[row["operation"]] += row["attempts"]
            if row["completed"]:
                traffic[Operation.COMPLETE.value] += row["attempts"]
            if row["inquired"]:
                traffic[Operation.INQUIRE.value] += row["attempts"]
        return dict(traffic)


async def read_recordings(
    database: Database,
    gateway: Gateway,
    config: ConnectorConfig,
    *,
    public_url: str,
    now_ms: int,
    limits: Limits | None = None,
) -> Recordings:
    """Return the newest recordings of ``gateway``, of every kind of attempt some.

    Args:
        database: where payments are.
        gateway: whose attempts are read; one account, one mode.
        config: how it is configured now, for attempts of which the release is not known any more; of its
            credentials the names are kept.
        public_url: where shoppers reach us, as configured now.
        now_ms: the time, epoch milliseconds.
        limits: how much to read.

    """
    return await Reader(database, gateway, config, public_url, now_ms, limits or Limits()).read()


def _stratum(row: Mapping[str, Any]) -> Hashable:
    """Return which kind of attempt a row tells of: see ``Slice``, which is made of the request itself later."""
    stored = (row["by_merchant"], row["stores"], row["has_transaction_id"], row["has_credential"])
    names = ("operation", "stage", "state", "network", "currency", "release_id", "inquired", "method")
    return (*(row[name] for name in names), stored)


def _chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk
