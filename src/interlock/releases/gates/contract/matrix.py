"""The matrix of requests: payments, follow-ons and completions over method, card, currency, text and options.

Pairs of options are covered by a design (every two values stand together once), currencies one by one with every
operation that carries money. Deterministic; it depends on the manifest's capabilities and on nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from interlock.base.money import Money, iso_exponent
from interlock.gateways.contract import Card, Operation, PaymentRequest, Shopper, StoredCredential
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.accounts import FIRST, LONG, SECOND, TURNED
from interlock.releases.gates.contract.cases import Act, Case, Expected, Group
from interlock.releases.gates.contract.covering import pairwise
from interlock.releases.gates.contract.requests import CARD, CARRYING, INSTRUMENTS, WHOLE_SHOPPER, method_of, ordinary
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.contract.texts import ORDINARY, TEXTS

_CURRENCIES = (
    *("usd", "eur", "gbp", "chf", "sek", "brl", "huf", "twd", "mga", "idr", "cve"),
    *("jpy", "krw", "vnd", "clp", "isk", "ugx", "pyg", "xaf", "xof", "rwf", "kmf", "djf"),
    *("bhd", "jod", "kwd", "omr", "tnd"),
)
"""ISO 4217 with two, none and three decimals, every currency among them that a provider is known to count otherwise."""
_AMOUNTS = (1, 5, 99, 150, 1_000, 1_099, 1_230, 1_231, 123_450, 99_999_990, 99_999_999)
_FEW_AMOUNTS = (1_000, 1_099, 1_231)
_NETWORK_CARDS = {
    "visa": ("4242424242424242", "737"),
    "mastercard": ("5555555555554444", "737"),
    "amex": ("378282246310005", "7373"),
    "discover": ("6011111111111117", "737"),
    "diners": ("3056930009020004", "737"),
    "jcb": ("3566002020360505", "737"),
    "unionpay": ("6205500000000000004", "737"),
    "cartes_bancaires": ("4000002500001001", "737"),
    "eftpos_au": ("4000050360000001", "737"),
}
_PLAIN = {"initiator": "none"}
_STORED: tuple[dict[str, Any], ...] = (
    _PLAIN,
    {"initiator": "customer", "store": True},
    {"initiator": "customer", "store": True, "reason": "recurring"},
    {"initiator": "customer", "store": True, "reason": "unscheduled"},
    {"initiator": "customer", "reference": True, "reason": "card_on_file"},
    {"initiator": "customer", "network": True},
    {"initiator": "customer"},
    {"initiator": "merchant", "reference": True, "network": True, "reason": "recurring"},
    {"initiator": "merchant", "network": True, "reason": "recurring"},
    {"initiator": "merchant", "reference": True, "reason": "unscheduled"},
    {"initiator": "merchant", "reason": "card_on_file"},
    {"initiator": "merchant"},
    {"initiator": "merchant", "reference": True, "network": True, "reason": "something else"},
    {"initiator": "merchant", "store": True, "reason": "recurring", "network": True},
)
_SHOPPERS: dict[str, Shopper] = {
    "nobody": Shopper(),
    "whole": WHOLE_SHOPPER,
    "half": Shopper(
        email="j@example.com", name="Jenny", address={"line1": "354 Market Street", "city": None, "country": "US"}
    ),
    "quarter": Shopper(reference="c", name="", address={"city": "San Francisco"}),
    "hollow": Shopper(
        reference="",
        email="",
        name="",
        phone="",
        ip="",
        address={"line1": "", "line2": "", "city": "", "postal_code": "", "state": "", "country": ""},
    ),
    "without a number": Shopper(
        reference="cus_2",
        name="Ann Lee",
        address={
            "line1": "Rosewood Mews",
            "line2": "Flat 3",
            "city": "Leeds",
            "postal_code": "LS1 4AP",
            "state": "West Yorkshire",
            "country": "gb",
        },
    ),
    "number first": Shopper(
        reference="cus_3",
        name="Ann Marie van der Lee",
        address={"line1": "12a, High Street", "city": "Leeds", "postal_code": "LS1 4AP", "country": "GB"},
    ),
    "abroad": Shopper(
        reference="kunde 12",
        name="Jürgen von der Straße",
        ip="2001:db8::1",
        address={"line1": "Straße des 17. Juni 135a", "city": "Berlin", "postal_code": "10623", "country": "de"},
    ),
}
_REASONS = (None, "duplicate", "fraudulent", "requested_by_customer", "abandoned", "something else", "")


def matrix(stage: Stage) -> Iterator[Case]:
    """Yield every case of the matrix."""
    yield from _card_payments(stage)
    yield from _currencies(stage)
    yield from _networks(stage)
    yield from _other_methods(stage)
    yield from _order_numbers(stage)
    yield from _metadata(stage)
    yield from _follow_ons(stage)
    yield from _completions(stage)


def _case(
    stage: Stage, name: str, operation: Operation, request: OperationRequest, facets: Mapping[str, Any], **more: Any
) -> Case:
    account = more.get("account", FIRST)
    act = Act(
        operation=operation,
        request=request,
        answers=stage.happy(account, operation, facets),
        expected=_expected(stage, operation, request, facets),
        facets=facets,
    )
    return Case(name=name, group=Group.MATRIX, account=account, acts=(act,), topic=more.get("topic", name))


def _expected(stage: Stage, operation: Operation, request: OperationRequest, facets: Mapping[str, Any]) -> Expected:
    """Return what must come of an operation that the provider answers as it does when all goes well."""
    impossible = operation in CARRYING and stage.amounts.express(request.amount) is None
    if impossible or facets.get("method") == "not taken":
        return Expected(outcomes=frozenset({"not_sent"}), requests=())
    if stage.knowledge is None:
        return Expected(lost=True)
    doubtful = {"unknown"} if operation is Operation.COMPLETE else set()
    return Expected(outcomes=frozenset({"approved", "pending", *doubtful}), mismatch=False)


def _card_payments(stage: Stage) -> Iterator[Case]:
    operations = [
        operation for operation in (Operation.SALE, Operation.AUTHORISE, Operation.VERIFY) if stage.supports(operation)
    ]
    if "card" not in stage.manifest.capabilities.methods or not operations:
        return
    axes: dict[str, Any] = {
        "texts": [ORDINARY, *TEXTS],
        "stored": list(range(len(_STORED))),
        "shopper": list(_SHOPPERS),
        "operation": operations,
        "currency": ["usd", "jpy", "kwd", "isk", "idr"],
        "account": [FIRST, SECOND, LONG, TURNED],
        "three_d_secure": ["automatic", "any", "challenge"],
        "cvc": [True, False],
        "holder": [True, False],
        "incremental": [False, True] if stage.manifest.capabilities.incremental else [False],
        "waits": [False, True],
    }
    for number, row in enumerate((*pairwise(axes), *_one_by_one(axes, "operation", {"cvc": False})), start=1):
        request, facets = _card_payment(stage, row)
        words = [row["operation"], row["currency"], facets["initiator"], f"shopper {row['shopper']}", row["texts"]]
        yield _case(stage, f"{' · '.join(words)} ({number})", row["operation"], request, facets, account=row["account"])


def _one_by_one(
    axes: Mapping[str, Sequence[Any]], every: str, *others: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield rows that differ from the ordinary one (first values) in one axis: what a pair of values hides shows here.

    Args:
        axes: values by axis, the ordinary one first.
        every: the axis whose values all take part.
        others: changes of the ordinary row that rows are made of too.

    """
    ordinary_row = {name: values[0] for name, values in axes.items()}
    for base in ({}, *others):
        for value in axes[every]:
            for name in axes:
                yield from ({**ordinary_row, **base, every: value, name: each} for each in axes[name][name != every :])


def _card_payment(stage: Stage, row: Mapping[str, Any]) -> tuple[PaymentRequest, dict[str, Any]]:
    operation, stored = row["operation"], _STORED[row["stored"]]
    kept = bool(stored.get("reference")) and operation is not Operation.VERIFY
    merchant = stored["initiator"] == "merchant"
    text = TEXTS.get(row["texts"])
    card = msgspec.structs.replace(
        CARD,
        cvc=CARD.cvc if row["cvc"] else None,
        holder_name=(CARD.holder_name if text is None else text) if row["holder"] else None,
    )
    shopper = _SHOPPERS[row["shopper"]]
    if text is not None and shopper.address:
        shopper = msgspec.structs.replace(shopper, name=text, address=_with_text(shopper.address, text))
    request = ordinary(
        operation,
        stage.payment,
        {
            "amount": 0 if operation is Operation.VERIFY else 1230,
            "currency": row["currency"],
            "instrument": card,
            "stored_credential": _stored_credential(stage, stored, kept=kept),
            "shopper": shopper,
            "three_d_secure": row["three_d_secure"],
            "incremental": row["incremental"] and operation is Operation.AUTHORISE,
            "waits_after_challenge": row["waits"] and operation is not Operation.VERIFY,
            "description": "Order 4711" if text is None else text,
            "statement_descriptor": "Shop order 4711" if text is None else text,
            "metadata": {"order": "4711" if text is None else text},
        },
    )
    assert isinstance(request, PaymentRequest)
    store = bool(stored.get("store"))
    facets = {
        "method": "card",
        "texts": row["texts"],
        "shopper": row["shopper"],
        "cvc": row["cvc"],
        "holder": row["holder"] and text is None,
        "initiator": stored["initiator"],
        "store": store,
        "stored_reason": stored.get("reason") or "none",
        "stored_model": merchant or store or bool(stored.get("network")),
        "network_transaction": bool(stored.get("network")),
        # A shopper's fresh security code may go with the card itself.
        "kept": "free" if kept and row["cvc"] and not merchant else kept,
        "new_customer": stored["initiator"] == "customer" and store,
        "three_d_secure": row["three_d_secure"],
        "incremental": request.incremental,
        "waits": request.waits_after_challenge,
    }
    return request, facets


def _stored_credential(stage: Stage, stored: Mapping[str, Any], *, kept: bool) -> StoredCredential | None:
    if stored is _PLAIN:
        return None
    return msgspec.convert(
        {
            "initiator": stored["initiator"],
            "store": bool(stored.get("store")),
            "reason": stored.get("reason"),
            "network_transaction_id": "976570050413151" if stored.get("network") else None,
            "reference": stage.ids.get("kept") if kept else None,
        },
        StoredCredential,
    )


def _with_text(address: Mapping[str, str | None], text: str) -> dict[str, str | None]:
    return {name: text if value and name in {"line1", "line2", "city"} else value for name, value in address.items()}


_ORDINARY_FACETS = {
    "method": "card",
    "texts": "none",
    "shopper": "nobody",
    "cvc": True,
    "holder": True,
    "initiator": "none",
    "store": False,
    "stored_reason": "none",
    "stored_model": False,
    "network_transaction": False,
    "kept": False,
    "new_customer": False,
    "three_d_secure": "automatic",
    "incremental": False,
    "waits": False,
    "final": True,
    "reverse": False,
    "reason": None,
    "capture_reference": False,
}


def _currencies(stage: Stage) -> Iterator[Case]:
    """Yield every operation that carries money in every currency, in amounts that show a wrong factor."""
    carrying = [
        operation
        for operation in (Operation.SALE, Operation.AUTHORISE, Operation.CAPTURE, Operation.INCREMENT, Operation.REFUND)
        if stage.supports(operation)
    ]
    for currency in (*_CURRENCIES, "xyz"):
        for operation in carrying:
            for amount in _AMOUNTS if operation is Operation.SALE else _FEW_AMOUNTS:
                request = ordinary(operation, stage.payment, {"amount": amount, "currency": currency})
                name = f"{operation} of {written(Money(amount, currency))}"
                yield _case(stage, name, operation, request, _ORDINARY_FACETS, topic=f"{operation} {currency}")
    if stage.supports(Operation.VERIFY):
        for currency in _CURRENCIES:
            request = ordinary(Operation.VERIFY, stage.payment, {"currency": currency})
            yield _case(stage, f"verify in {currency}", Operation.VERIFY, request, _ORDINARY_FACETS)


def written(money: Money) -> str:
    """Return ``money`` as people write it (``1,000 JPY``, ``10.99 USD``)."""
    exponent = iso_exponent(money.currency) or 0
    return f"{money.amount_minor / 10**exponent:,.{exponent}f} {money.currency.upper()}"


def _networks(stage: Stage) -> Iterator[Case]:
    for network in stage.manifest.capabilities.networks:
        if network not in _NETWORK_CARDS:
            continue
        number, cvc = _NETWORK_CARDS[network]
        card = Card(number=number, exp_month=12, exp_year=2031, cvc=cvc, holder_name="Jenny Rosen")
        for operation in (Operation.SALE, Operation.AUTHORISE, Operation.VERIFY):
            if stage.supports(operation):
                request = ordinary(operation, stage.payment, {"instrument": card})
                yield _case(stage, f"{operation} with {network}", operation, request, _ORDINARY_FACETS)


def _other_methods(stage: Stage) -> Iterator[Case]:
    """Yield debits, transfers and test transfers, in the currencies they exist in; and cards that are not taken."""
    able = stage.manifest.capabilities
    for name, instrument in INSTRUMENTS.items():
        method = method_of(instrument)
        if method == "card":
            continue
        facets = {
            **_ORDINARY_FACETS,
            "method": method,
            "texts": ORDINARY,
            "acceptance": {"sepa_debit": "online", "sepa_debit_offline": "offline"}.get(name, "unwitnessed"),
            "transfer": name,
        }
        for currency in ("eur", "usd", "jpy", "gbp", "kwd", "isk"):
            ask: dict[str, Any] = {"currency": currency, "instrument": name, "amount": 1230}
            ask |= {"description": "Order 4711"}
            ask |= {"statement_descriptor": "Shop order 4711", "metadata": {"order": "4711"}}
            for operation in (Operation.SALE, Operation.AUTHORISE, Operation.VERIFY):
                if not stage.supports(operation):
                    continue
                taken = method in able.methods and operation is Operation.SALE
                request = ordinary(operation, stage.payment, ask)
                title = f"{operation} by {name} in {currency}"
                yield _case(stage, title, operation, request, facets if taken else {**facets, "method": "not taken"})
    if Operation.FUND in able.operations:
        for currency in _CURRENCIES:
            for amount in _FEW_AMOUNTS:
                request = ordinary(Operation.FUND, stage.payment, {"amount": amount, "currency": currency})
                name = f"fund of {written(Money(amount, currency))}"
                yield _case(stage, name, Operation.FUND, request, _ORDINARY_FACETS, topic=f"fund {currency}")


def _order_numbers(stage: Stage) -> Iterator[Case]:
    """Yield order numbers of every usual length: signatures that pad break on one of them."""
    for length in range(1, 21):
        number = "12345678901234567890"[:length]
        for operation in (Operation.SALE, Operation.REFUND):
            if not stage.supports(operation):
                continue
            ask: dict[str, Any] = {"reference": f"at_{number}"}
            if operation is Operation.SALE:
                ask |= {"description": number, "metadata": {"order": number}, "statement_descriptor": f"No {number}"}
            request = ordinary(operation, stage.payment, ask)
            facets = {**_ORDINARY_FACETS, "texts": "order number"}
            yield _case(stage, f"{operation} with an order number of {length} digits", operation, request, facets)


def _metadata(stage: Stage) -> Iterator[Case]:
    """Yield metadata that shops attach: too much, too long, with awkward names."""
    many = {f"key {number}": f"value {number}" for number in range(60)}
    for name, metadata in (
        ("many entries", many),
        ("a long name", {"n" * 60: "x", "order": "4711"}),
        ("a long value", {"order": "4" * 900}),
        ("an empty name", {"": "x", "order": ""}),
        *((f"a name with {title}", {text[:38]: "x"}) for title, text in TEXTS.items()),
    ):
        if stage.supports(Operation.SALE):
            request = ordinary(Operation.SALE, stage.payment, {"metadata": metadata})
            texts = "metadata, one name too long" if name == "a long name" else "metadata"
            facets = {**_ORDINARY_FACETS, "texts": texts}
            yield _case(stage, f"metadata with {name}", Operation.SALE, request, facets)


def _follow_ons(stage: Stage) -> Iterator[Case]:
    able = stage.manifest.capabilities
    operations = [
        operation
        for operation in (Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND)
        if stage.supports(operation)
    ]
    if not operations:
        return
    axes: dict[str, Any] = {
        "reason": _REASONS,
        "operation": operations,
        "currency": ["usd", "jpy", "kwd", "isk", "idr"],
        "amount": [100, 1230, 99_999_990],
        "account": [FIRST, SECOND, LONG, TURNED],
        "final": [True, False] if able.multicapture else [True],
        "before": [0, 300],
        "reverse": [False, True],
        "capture_reference": [False, True],
    }
    for number, row in enumerate((*pairwise(axes), *_one_by_one(axes, "operation")), start=1):
        operation = row["operation"]
        reverse = row["reverse"] and operation in {Operation.VOID, Operation.REFUND}
        final = row["final"] or operation is not Operation.CAPTURE
        reference = stage.ids.get("modification", "capture_1") if row["capture_reference"] else None
        ask = {
            "amount": row["amount"],
            "currency": row["currency"],
            "reason": row["reason"],
            "final": final,
            "reverse": reverse,
            "captured_before_minor": row["before"] if operation in {Operation.CAPTURE, Operation.VOID} else 0,
            "capture_reference": reference if operation is Operation.REFUND else None,
        }
        facets = {
            **_ORDINARY_FACETS,
            "final": final,
            "reverse": reverse,
            "reason": row["reason"],
            "capture_reference": ask["capture_reference"] is not None,
        }
        words = [operation, written(Money(row["amount"], row["currency"])), row["reason"] or "no reason"]
        words += ["reverse"] if reverse else [] if final else ["not the last"]
        request = ordinary(operation, stage.payment, ask)
        yield _case(stage, f"{' · '.join(words)} ({number})", operation, request, facets, account=row["account"])
    for operation in operations:
        for payment in ("at/../2?x=1", "pi ü", "a" * 80):
            request = ordinary(operation, payment, {})
            facets = {"awkward_payment": True}
            yield _case(stage, f"{operation} of a payment called {payment[:20]!r}", operation, request, facets)


def _completions(stage: Stage) -> Iterator[Case]:
    if not stage.supports(Operation.COMPLETE):
        return
    brought: dict[str, dict[str, str]] = {
        "redirectResult": {"redirectResult": "X6XtfGC3!Y/+=ü&a"},
        "payload": {"payload": "Ab02b4c0!BQABAgCuZFJrQOjSsl"},
        "PaRes": {"PaRes": "eNrVWFmzokgWfu+I/g==", "MD": "md 1"},
        "payment_intent": {"payment_intent": stage.payment, "payment_intent_client_secret": "x"},
        "everything": {"redirectResult": "x", "payload": "y", "MD": "z", "PaRes": "w", "utm": "1"},
    }
    for name in stage.manifest.challenge.return_parameters:
        brought.setdefault(name, {name: "brought back"})
    continuations = {
        "payment": {"kind": "payment_intent", "id": stage.payment},
        "payment_data": {"payment_data": "Ab02b4c0!BQABAgCuZFJrQOjSsl"},
    }
    for title, parameters in brought.items():
        for kind, continuation in continuations.items():
            for account in (FIRST, SECOND, TURNED):
                ask = {"parameters": parameters, "continuation": continuation, "currency": "jpy"}
                request = ordinary(Operation.COMPLETE, stage.payment, ask)
                facets = {**_ORDINARY_FACETS, "continuation": kind, "brought": title}
                name = f"complete with {title}, {kind} ({account})"
                yield _case(stage, name, Operation.COMPLETE, request, facets, account=account)
