"""The sections about money: currencies that are sent otherwise than ISO 4217 has them, and how amounts are verified."""

from interlock.base.money import Money, iso_exponent, to_provider
from interlock.gateways.contract import Operation
from interlock.releases.handbook.markup import NOTHING, code, codes, paragraph, prose, table, yes
from interlock.releases.handbook.types import HandbookFacts
from interlock.releases.showing import shown

_UNITS = 10
_AS_SUBJECT = frozenset({Operation.COMPLETE, Operation.INQUIRE})


def currencies(facts: HandbookFacts) -> list[str]:
    """Return where the provider's minor units differ, what amounts it takes, and what it does not take at all."""
    known, title = facts.manifest.currencies, prose(facts.manifest.title)
    parts = ["Amounts are sent in minor units. What cannot be expressed is not sent; nothing is ever rounded."]
    if known.exponents:
        rows = [
            _exponent(currency, exponent, known.exponents) for currency, exponent in sorted(known.exponents.items())
        ]
        head = ["Currency", "Decimals by ISO 4217", f"Decimals at {title}", f"{_UNITS} of it are sent as"]
        parts.append(table(head, rows))
    others = "All other currencies have" if known.exponents else "Every currency has"
    parts.append(f"{others} the decimals of ISO 4217.")
    if known.multiples:
        rows = [[code(currency.upper()), str(multiple)] for currency, multiple in sorted(known.multiples.items())]
        parts.append(table(["Currency", "Amounts must be a multiple of (in minor units)"], rows))
    if known.unsupported:
        unsupported = codes(currency.upper() for currency in known.unsupported)
        parts.append(f"Not taken, so payments in them are not routed here: {unsupported}.")
    return parts


def _exponent(currency: str, exponent: int, exponents: dict[str, int]) -> list[str]:
    iso = iso_exponent(currency)
    sent = None if iso is None else to_provider(Money(_UNITS * 10**iso, currency), exponents)
    return [
        code(currency.upper()),
        "not known" if iso is None else str(iso),
        str(exponent),
        "it cannot be sent" if sent is None else code(sent),
    ]


def verification(facts: HandbookFacts) -> list[str]:
    """Return where the switch reads money in answers and requests, apart from the connector."""
    manifest = facts.manifest
    parts = [
        paragraph(
            "The switch does not ask the connector what an answer is worth: it reads amount and currency itself at",
            "these places of the answer and compares them with what was asked for. Where they differ, the outcome is",
            "**unknown** whatever the answer says, and the attempt is marked.",
        )
    ]
    if manifest.echo:
        rows = [
            [
                code(operation),
                code(echo.amount),
                code(echo.currency),
                code(echo.captured) if echo.captured else NOTHING,
                yes(echo.cumulative),
            ]
            for operation, echo in manifest.echo.items()
        ]
        head = ["Answer to", "Amount at", "Currency at", "Captured at", "Total of all captures"]
        parts.append(table(head, rows))
    able = manifest.capabilities.operations
    if subjects := [operation for operation in Operation if operation in able and operation in _AS_SUBJECT]:
        parts.append(f"Answers to {codes(subjects)} are held against the operation that they settle.")
    if bare := [each for each in Operation if each in able and each not in manifest.echo and each not in _AS_SUBJECT]:
        parts.append(f"Not compared: answers to {codes(bare)}.")
    if manifest.sent:
        rows = [
            [
                code(operation),
                code(sent.path),
                shown(sent.format),
                code(sent.amount) if sent.amount else NOTHING,
                code(sent.currency) if sent.currency else NOTHING,
            ]
            for operation, sent in manifest.sent.items()
        ]
        parts += [
            "In requests, the gates read the money here:",
            table(["Request of", "Path", "Body", "Amount at", "Currency at"], rows),
        ]
    return parts
