"""Seeded commands for the corpus: payments, completions, follow-ons and inquiries at the edges of what is sent.

Lengths, ages and counts are drawn from the neighbourhood of limits, texts from what breaks encodings. Nothing here
knows a provider. Called by ``corpus_stripe`` and ``corpus_adyen``.
"""

import random
from collections.abc import Sequence
from typing import Any

import iso4217

from interlock.base.money import Money
from interlock.gateways.contract import (
    BankTransfer,
    Card,
    CompleteRequest,
    FollowOnRequest,
    Initiator,
    InquireRequest,
    Instrument,
    MandateAcceptance,
    Operation,
    PaymentRequest,
    SepaDebit,
    Shopper,
    StoredCredential,
)

CURRENCIES = tuple(sorted({currency.code.lower() for currency in iso4217.Currency}))
NOW_MS = 1_790_000_000_000
_OFTEN = ("usd", "eur", "gbp", "jpy", "kwd", "bhd", "isk", "ugx", "mga", "clp", "cve", "idr", "huf")
_STRANGE = ("xyz", "", "USD", "us")
_LENGTHS = (1, 2, 3, 4, 9, 10, 11, 19, 20, 21, 22, 23, 39, 40, 41, 50, 51, 60, 61, 64, 65, 79, 80, 81, 82)
_LONG = (255, 256, 257, 499, 500, 501, 999, 1000, 1001, 2999, 3000, 3001, 4999, 5000, 5001)
_AWKWARD = (
    "",
    " ",
    "0",
    "Ünïcödé 名前",
    "a&b=c%5B+d",
    "O'Hara <script> \"q\" \\ *",
    "\U0001f600" * 30,
    "\ud800 lone",
    "[brackets]",
    "tab\tand\nline",
    "  spaces around  ",
    "123456",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LINES = ("12 High Street", "Hauptstraße 7b", "12a, Rue de la Paix", "Am Markt", "221B", "  5  North Rd  ", "Unit 4 12345")
_AGES_MS = (0, 1, 60_000, 119_999, 120_000, 299_999, 300_000, 3_599_999, 3_600_000)


def text(rng: random.Random, *, long: bool = False) -> str:
    """Return an awkward text, or one whose length is next to a limit and whose every place differs."""
    if rng.random() < 0.4:
        return rng.choice(_AWKWARD)
    length = rng.choice(_LONG if long and rng.random() < 0.4 else _LENGTHS)
    start = rng.randrange(len(_LETTERS))
    return "".join(_LETTERS[(start + index * 7) % len(_LETTERS)] for index in range(length))


def maybe_text(rng: random.Random, *, long: bool = False) -> str | None:
    """Return a text, or None."""
    return None if rng.random() < 0.35 else text(rng, long=long)


def money(rng: random.Random) -> Money:
    """Return an amount in any currency, those with peculiar exponents more often."""
    currency = rng.choice(_OFTEN) if rng.random() < 0.6 else rng.choice(CURRENCIES)
    if rng.random() < 0.01:
        currency = rng.choice(_STRANGE)
    amount = rng.choice((0, 1, 5, 10, 29, 99, 100, 115, 1000, 1099, 1990, 123_450, 99_999_999))
    return Money(rng.randrange(1, 10 ** rng.randrange(1, 10)) if rng.random() < 0.6 else amount, currency)


def reference(rng: random.Random) -> str:
    """Return one of our references: mostly as they are, now and then longer than a provider takes."""
    usual = f"at_{rng.getrandbits(88):022x}"
    return usual if rng.random() < 0.9 else usual + text(rng) + "x" * rng.choice((50, 55, 56, 57, 58, 240))


def key(rng: random.Random, of: str) -> str:
    """Return an idempotency key, now and then as long as a provider takes or longer."""
    return f"{of}-{rng.randrange(1, 4)}" + ("k" * rng.choice((35, 36, 37, 38, 39, 40, 230, 231)) if rng.random() < 0.1 else "")


def card(rng: random.Random) -> Card:
    """Return a test card."""
    return Card(
        number=rng.choice(("4242424242424242", "378282246310005", "5555555555554444")),
        exp_month=rng.randrange(1, 13),
        exp_year=rng.randrange(2026, 2060),
        cvc=rng.choice((None, "", "123", "1234")),
        holder_name=maybe_text(rng, long=True),
    )


def instrument(rng: random.Random) -> Instrument:
    """Return what pays: mostly a card."""
    kind = rng.random()
    if kind < 0.8:
        return card(rng)
    if kind < 0.9:
        ip, agent = rng.choice((None, "192.0.2.1")), rng.choice((None, text(rng, long=True)))
        acceptance = MandateAcceptance(
            online=rng.random() < 0.7, accepted_at_s=NOW_MS // 1000 - rng.randrange(10_000), ip=ip, user_agent=agent
        )
        return SepaDebit(iban="DE89370400440532013000", acceptance=acceptance)
    return BankTransfer(
        kind=rng.choice(("eu_bank_transfer", "us_bank_transfer", "jp_bank_transfer")),
        country=rng.choice((None, "DE", "NL")),
    )


def shopper(rng: random.Random) -> Shopper:
    """Return what is known of a person: anything between nothing and all."""
    if rng.random() < 0.2:
        return Shopper()
    return Shopper(
        reference=rng.choice((None, "", "ab", "abc", "cus_12345", "r" * 255, "r" * 256, "r" * 257)),
        email=rng.choice((None, "jenny@example.com", "j" * 244 + "@example.com", "j" * 245 + "@example.com")),
        name=rng.choice((maybe_text(rng, long=True), "Jenny Rosen", "Jenny van der Rosen", f"{'J' * 81} {'R' * 81}")),
        phone=rng.choice((None, "+44 20 7946 0000", "5" * 64, "5" * 65, "5" * 5001)),
        ip=rng.choice((None, "192.0.2.1", "2001:db8::1", "1" * 50, "1" * 51)),
        address=address(rng),
        user_agent=maybe_text(rng),
    )


def address(rng: random.Random) -> dict[str, str | None]:
    """Return an address with any of its parts missing."""
    if rng.random() < 0.3:
        return {}
    parts: dict[str, Sequence[str | None]] = {
        "line1": (*_LINES, *_LINES, maybe_text(rng, long=True)),
        "line2": (None, "", "Flat 3", maybe_text(rng)),
        "city": ("Springfield", "Zürich", "Springfield", maybe_text(rng, long=True)),
        "postal_code": ("12345", "SW1A 1AA", "1234567890", "12345678901", "", None),
        "state": (None, "CA", "NSW", "OH4Z", ""),
        "country": ("US", "gb", "DE", "US", "USA", None, ""),
    }
    return {name: rng.choice(values) for name, values in parts.items() if rng.random() < 0.92}


def stored_credential(rng: random.Random) -> StoredCredential | None:
    """Return stored-credential facts, or None."""
    if rng.random() < 0.45:
        return None
    return StoredCredential(
        initiator=rng.choice(tuple(Initiator)),
        store=rng.random() < 0.5,
        reason=rng.choice((None, "recurring", "unscheduled", "card_on_file", "something else")),
        network_transaction_id=rng.choice((None, None, "MCC123456789")),
        reference=rng.choice((None, None, "cus_9/pm_1", "pm_1", "cus_9/", "/pm_1")),
    )


def metadata(rng: random.Random) -> dict[str, str]:
    """Return metadata: none, some, or as many as a provider takes and one more."""
    count = rng.choice((0, 0, 0, 1, 2, 5, 19, 20, 21, 49, 50, 51)) if rng.random() < 0.5 else 0
    found = {f"key_{index}": f"value {index}" for index in range(count)}
    if rng.random() < 0.3:
        found[text(rng)] = text(rng, long=True)
        found["interlock_attempt"] = "forged"
    return found


def payment(rng: random.Random, **fixed: Any) -> PaymentRequest:
    """Return a payment; ``fixed`` fields are as given."""
    attempt = reference(rng)
    drawn: dict[str, Any] = {
        "reference": attempt,
        "idempotency_key": key(rng, attempt),
        "amount": money(rng),
        "instrument": instrument(rng),
        "return_url": rng.choice(("https://shop.example/return?order=12&x=a b", "https://shop.example/r", "", "\ud800")),
        "description": maybe_text(rng, long=True),
        "statement_descriptor": maybe_text(rng),
        "stored_credential": stored_credential(rng),
        "shopper": shopper(rng),
        "three_d_secure": rng.choice(("automatic", "any", "challenge")),
        "incremental": rng.random() < 0.4,
        "waits_after_challenge": rng.random() < 0.3,
        "metadata": metadata(rng),
    }
    return PaymentRequest(**{**drawn, **fixed})


def completion(rng: random.Random, **fixed: Any) -> CompleteRequest:
    """Return a completion after a challenge."""
    attempt = reference(rng)
    drawn: dict[str, Any] = {
        "reference": attempt,
        "idempotency_key": key(rng, attempt),
        "amount": money(rng),
        "gateway_reference": None,
        "continuation": {},
        "parameters": {},
        "capture": rng.random() < 0.5,
    }
    return CompleteRequest(**{**drawn, **fixed})


def follow_on(rng: random.Random, **fixed: Any) -> FollowOnRequest:
    """Return a capture, increment, void, refund or funding."""
    attempt = reference(rng)
    drawn: dict[str, Any] = {
        "reference": attempt,
        "idempotency_key": key(rng, attempt),
        "amount": money(rng),
        "gateway_reference": "",
        "final": rng.random() < 0.6,
        "reason": rng.choice((None, "duplicate", "fraudulent", "requested_by_customer", "abandoned", "because", "")),
        "capture_reference": rng.choice((None, "", "CAPTURE1234")),
        "captured_before_minor": rng.choice((0, 0, 1, 500, 1099, 10_990)),
        "reverse": rng.random() < 0.2,
    }
    return FollowOnRequest(**{**drawn, **fixed})


def inquiry(rng: random.Random, operation: Operation, of: Any, ages_ms: Sequence[int], **fixed: Any) -> InquireRequest:
    """Return the question what became of ``operation``.

    Args:
        rng: what chooses.
        operation: what is asked about.
        of: the original request, or None where it cannot be rebuilt.
        ages_ms: ages next to the provider's own limits.
        fixed: fields that are as given.

    """
    attempt = of.reference if of is not None else reference(rng)
    age_ms = rng.choice((*_AGES_MS, *ages_ms))
    drawn: dict[str, Any] = {
        "operation": operation,
        "reference": attempt,
        "idempotency_key": of.idempotency_key if of is not None else key(rng, attempt),
        "amount": of.amount if of is not None else money(rng),
        "original": of,
        "identical": rng.random() < 0.5,
        "age_ms": age_ms,
        "sent_at_ms": rng.choice((0, NOW_MS - age_ms, NOW_MS - age_ms + 999)),
    }
    return InquireRequest(**{**drawn, **fixed})
