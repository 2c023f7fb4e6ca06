"""The floor: the least work that is still honest for one create-and-confirm payment. ``run`` measures us against it.

It stands for nothing a shop could use: one endpoint, one account, one gateway, one card, no failures handled. Yet it
does, for each payment, what no honest payment service can leave out:

1. parse the form and authenticate the key (the HTTP server is uvicorn, as under our API, with the same options);
2. make idempotency key, intent and attempt durable *before* anything is sent: without this a crash forgets a charge;
3. call the gateway over HTTP and read its answer, status and money;
4. make the outcome durable: attempt, intent, four ledger rows (what the shop is owed, the fee, and their counterparts),
   the event that tells the shop, and the answer under its idempotency key, so that a retry hears the same;
5. answer with a payment intent of the size of ours.

The writes are group-committed, as fast as we know how: all requests that arrived while the last flush was on its way
share one statement and one commit; no timer. Both phases travel as arrays, one parameter per column.

Where a choice would move the figure, it is made against us: ids are cheap, cells are few (no column that the five steps
above do not need), no constraint but the primary keys, no second index, no redaction, no limits, no timeouts, and the
intent is rendered once, its text used for answer, kept answer and event alike.
"""

import argparse
import asyncio
import gc
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote_plus

import aiohttp
import asyncpg
import msgspec
import uvicorn

ACCOUNT = "acct_floor"
_GC_THRESHOLDS = (150_000, 20, 50)  # as our API has them
_FEE_BASIS_POINTS, _FEE_FIXED = 290, 30

SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS floor",
    """CREATE TABLE IF NOT EXISTS floor.idempotency (
        account_id text COLLATE "C", key text COLLATE "C", fingerprint bigint, intent_id text, status bigint, body text,
        PRIMARY KEY (account_id, key)) WITH (fillfactor = 70, toast_tuple_target = 8160)""",
    """CREATE TABLE IF NOT EXISTS floor.intents (
        account_id text COLLATE "C", id text COLLATE "C", created_at_ms bigint, status text, amount_minor bigint,
        currency text, payment_method text, metadata text, PRIMARY KEY (account_id, id)) WITH (fillfactor = 70)""",
    """CREATE TABLE IF NOT EXISTS floor.attempts (
        account_id text COLLATE "C", id text COLLATE "C", intent_id text, gateway text, state text, reference text,
        PRIMARY KEY (account_id, id)) WITH (fillfactor = 70)""",
    """CREATE TABLE IF NOT EXISTS floor.ledger (
        account_id text COLLATE "C", id text COLLATE "C", code text, amount_minor bigint, currency text,
        PRIMARY KEY (account_id, id, code))""",
    """CREATE TABLE IF NOT EXISTS floor.outbox (
        account_id text COLLATE "C", id text COLLATE "C", type text, body text, PRIMARY KEY (account_id, id))
        WITH (toast_tuple_target = 8160)""",
)
# Two things make these statements cheap, and both were found in our own: `unnest` in the select list advances all
# arrays in step and writes nothing aside; `IS TRUE` has rows looked up in a hash where a plain IN becomes a loop.
# Phase 1. A key that exists already keeps its intent and attempt from being written (here it never does).
BEGIN = """
WITH claimed AS (
    INSERT INTO floor.idempotency (account_id, key, fingerprint, intent_id)
    SELECT $1, unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[])
    ON CONFLICT DO NOTHING RETURNING intent_id),
intents AS (
    INSERT INTO floor.intents
    SELECT $1, r.id, r.at, 'processing', r.amount, r.currency, r.method, r.metadata
    FROM (SELECT unnest($4::text[]) AS id, unnest($5::bigint[]) AS at, unnest($6::bigint[]) AS amount,
        unnest($7::text[]) AS currency, unnest($8::text[]) AS method, unnest($9::text[]) AS metadata) AS r
    WHERE (r.id IN (SELECT intent_id FROM claimed)) IS TRUE),
attempts AS (
    INSERT INTO floor.attempts
    SELECT $1, r.id, r.intent, 'stripe', 'begun', NULL
    FROM (SELECT unnest($10::text[]) AS id, unnest($4::text[]) AS intent) AS r
    WHERE (r.intent IN (SELECT intent_id FROM claimed)) IS TRUE)
SELECT array_agg(intent_id) FROM claimed"""
# Phase 2. Money and event are written only for attempts that were still open: a lost race must not write them.
FINISH = """
WITH settled AS (
    UPDATE floor.attempts AS t SET state = 'approved', reference = r.reference
    FROM (SELECT $1 AS account_id, unnest($2::text[]) AS id, unnest($3::text[]) AS reference) AS r
    WHERE t.account_id = r.account_id AND t.id = r.id AND t.state = 'begun' RETURNING t.intent_id),
intents AS (
    UPDATE floor.intents AS t SET status = 'succeeded'
    FROM (SELECT $1 AS account_id, unnest($4::text[]) AS id) AS r
    WHERE t.account_id = r.account_id AND t.id = r.id AND t.status = 'processing'),
kept AS (
    UPDATE floor.idempotency AS t SET status = 200, body = r.body
    FROM (SELECT $1 AS account_id, unnest($5::text[]) AS key, unnest($6::text[]) AS body) AS r
    WHERE t.account_id = r.account_id AND t.key = r.key),
ledger AS (
    INSERT INTO floor.ledger
    SELECT $1, r.id, r.code, r.amount, r.currency
    FROM (SELECT unnest($7::text[]) AS id, unnest($8::text[]) AS code, unnest($9::bigint[]) AS amount,
        unnest($10::text[]) AS currency) AS r
    WHERE (r.id IN (SELECT intent_id FROM settled)) IS TRUE),
outbox AS (
    INSERT INTO floor.outbox
    SELECT $1, r.id, 'payment_intent.succeeded', r.body
    FROM (SELECT unnest($11::text[]) AS id, unnest($6::text[]) AS body, unnest($4::text[]) AS intent) AS r
    WHERE (r.intent IN (SELECT intent_id FROM settled)) IS TRUE)
SELECT array_agg(intent_id) FROM settled"""
# A plan made for empty tables would scan them when they are full; our own writer has the same settings.
_WRITER = {
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
_REPLAN_ROWS = (500, 5_000, 50_000)


class Flush:
    """Group commit of one phase's rows, both phases over one connection: one flush on its way at a time."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Write over ``connection``."""
        self._connection = connection
        self._statements: list[Any] = []
        self._waiting: tuple[list[Any], list[Any]] = ([], [])
        self._busy = False
        self._payments = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def prepare(self) -> None:
        """Prepare both statements."""
        names = itertools.count()
        for sql in (BEGIN, FINISH):
            self._statements.append(await self._connection.prepare(sql, name=f"floor_{next(names)}"))
        # Ends the transaction that preparing began, and with it the locks on the tables.
        await self._connection.execute("SELECT 1")

    def write(self, phase: int, row: tuple[Any, ...]) -> "asyncio.Future[None]":
        """Return what is done once ``row`` is durable."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._waiting[phase].append((row, done))
        if not self._busy:
            self._busy = True
            task = loop.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return done

    async def _drain(self) -> None:
        while self._waiting[0] or self._waiting[1]:
            for phase, arrange in enumerate((_begin_rows, _finish_rows)):
                batch = self._waiting[phase][:]
                if not batch:
                    continue
                self._waiting[phase].clear()
                await self._statements[phase].fetchval(ACCOUNT, *arrange([row for row, _ in batch]))
                for _, done in batch:
                    done.set_result(None)
                await self._plan_again(len(batch))
        self._busy = False

    async def _plan_again(self, rows: int) -> None:
        before, self._payments = self._payments, self._payments + rows
        if any(before < limit <= self._payments for limit in _REPLAN_ROWS):
            await self._connection.execute("DISCARD PLANS")


def _begin_rows(rows: list[Any]) -> list[Any]:
    return list(zip(*rows, strict=True))


def _finish_rows(rows: list[Any]) -> list[Any]:
    attempts, references, intents, keys, bodies, amounts, currencies, events = zip(*rows, strict=True)
    ids, codes, sums, units = [], [], [], []
    for intent, amount, currency in zip(intents, amounts, currencies, strict=True):
        fee = amount * _FEE_BASIS_POINTS // 10_000 + _FEE_FIXED
        ids += [intent] * 4
        codes += ["gateway", "merchant", "merchant_fee", "gateway_fee"]
        sums += [amount, -amount, fee, -fee]
        units += [currency] * 4
    return [attempts, references, intents, keys, bodies, ids, codes, sums, units, events]


class Answered(msgspec.Struct):
    """What must be read of the gateway's answer."""

    id: str
    status: str
    amount: int
    currency: str


# The other keys of a payment intent, all at rest: what changes is put in front of them.
_REST = {
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic_async",
    "confirmation_method": "automatic",
    "customer": None,
    "customer_account": None,
    "description": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "livemode": False,
    "managed_payments": {"enabled": False},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {
        "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    },
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}
_CARD_FORM = (
    "confirm=true&payment_method_types%5B0%5D=card&payment_method_data%5Btype%5D=card&expand%5B0%5D=latest_charge"
    "&capture_method=automatic&return_url=https%3A%2F%2Fshop.example%2Freturn"
    "&payment_method_data%5Bcard%5D%5Bnumber%5D=4242424242424242&payment_method_data%5Bcard%5D%5Bexp_month%5D=12"
    "&payment_method_data%5Bcard%5D%5Bexp_year%5D=2034"
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answered).decode
_START = [(b"content-type", b"application/json")]


def parse(body: bytes) -> dict[str, str]:
    """Return the fields of a form, flat."""
    fields = {}
    for pair in body.decode().split("&"):
        name, _, value = pair.partition("=")
        fields[name] = unquote_plus(value) if "%" in value or "+" in value else value
    return fields


class Floor:
    """The ASGI application."""

    def __init__(self, flush: Flush, session: aiohttp.ClientSession, gateway: str, key: str) -> None:
        """Serve the holder of ``key``."""
        self._flush = flush
        self._session = session
        self._gateway = f"{gateway}/v1/payment_intents"
        self._authorization = b"Bearer " + key.encode()
        self._prefix = f"{time.time_ns() // 1_000_000:x}"
        self._ids = itertools.count()

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Take one payment."""
        headers = dict(scope["headers"])
        if scope["path"] != "/v1/payment_intents" or headers.get(b"authorization") != self._authorization:
            await send({"type": "http.response.start", "status": 401, "headers": _START})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        message = await receive()
        body: bytes = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        answer = await self._take(body, headers[b"idempotency-key"].decode())
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*_START, length]})
        await send({"type": "http.response.body", "body": answer})

    async def _take(self, body: bytes, key: str) -> bytes:
        fields = parse(body)
        amount, currency, method = int(fields["amount"]), fields["currency"], fields["payment_method"]
        suffix = f"{self._prefix}{next(self._ids):010x}"
        intent, attempt = f"pi_{suffix}", f"at_{suffix}"
        now_ms = time.time_ns() // 1_000_000
        metadata = {name[9:-1]: value for name, value in fields.items() if name.startswith("metadata[")}
        kept = _encode(metadata).decode()
        await self._flush.write(0, (key, hash(body), intent, now_ms, amount, currency, method, kept, attempt))
        reference = await self._charge(amount, currency, attempt)
        shown = _encode(
            {
                "id": intent,
                "object": "payment_intent",
                "amount": amount,
                "amount_received": amount,
                "client_secret": f"{intent}_secret_{suffix}",
                "created": now_ms // 1000,
                "currency": currency,
                "latest_charge": f"ch_{suffix}",
                "metadata": metadata,
                "payment_method": f"pm_{suffix}",
                "status": "succeeded",
                **_REST,
            }
        )
        row = (attempt, reference, intent, key, shown.decode(), amount, currency, f"evt_{suffix}")
        await self._flush.write(1, row)
        return shown

    async def _charge(self, amount: int, currency: str, attempt: str) -> str:
        form = f"{_CARD_FORM}&amount={amount}&currency={currency}&metadata%5Binterlock_attempt%5D={attempt}"
        headers = {
            "authorization": "Bearer sk_test_sandbox",
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": attempt,
        }
        async with self._session.post(self._gateway, data=form.encode(), headers=headers) as response:
            answer = _decode(await response.read())
        if (response.status, answer.status, answer.amount, answer.currency) != (200, "succeeded", amount, currency):
            raise RuntimeError(f"the gateway answered {response.status} {answer.status}")
        return answer.id


async def main(arguments: argparse.Namespace) -> None:
    """Make the tables and serve until SIGTERM."""
    url = os.environ["FLOOR_DATABASE_URL"]
    connection = await asyncpg.connect(url, server_settings=_WRITER)
    for statement in SCHEMA:
        await connection.execute(statement)
    flush = Flush(connection)
    await flush.prepare()
    connector = aiohttp.TCPConnector(limit=arguments.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        application = Floor(flush, session, arguments.gateway, arguments.key)
        config = uvicorn.Config(
            application,
            port=arguments.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            backlog=2_048,
        )
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        await uvicorn.Server(config).serve()
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--connections", type=int, default=2_000)
    import uvloop

    uvloop.run(main(parser.parse_args()))
