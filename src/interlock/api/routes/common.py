"""What several handlers need: pages, stored details, amounts, card data, client secrets.

Called by the other modules of ``api.routes``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from interlock.api.authentication import same_secret
from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import base, payment_methods, tokens
from interlock.api.versions import cards_unless_told
from interlock.base.money import Money, iso_exponent
from interlock.base.problems import Problem, invalid, missing
from interlock.payments.instruments.types import CardData, PaymentMethodData, SepaDebitData
from interlock.payments.intents.validation import front_money
from interlock.payments.owners import missing_owner
from interlock.payments.representation.addresses import shipping
from interlock.payments.work import Answer
from interlock.storage.pages import Page, PageResult

T = TypeVar("T")
_SECOND = 1_000
_NOBODY: Mapping[str, str | None] = {}
FLAT_ADDRESS = {
    "address_line1": "line1",
    "address_line2": "line2",
    "address_city": "city",
    "address_state": "state",
    "address_zip": "postal_code",
    "address_country": "country",
}


class WithSource(Protocol):
    """Parameters that take a source, under either of its names."""

    @property
    def card(self) -> str | tokens.LegacyCard | UnsetType:
        """Return what ``card`` held."""
        ...

    @property
    def source(self) -> str | tokens.LegacyCard | UnsetType:
        """Return what ``source`` held."""
        ...


def or_none(value: T | UnsetType | None) -> T | None:
    """Return ``value``, or None where it was not given."""
    return None if value is UNSET else value


def page_of(parameters: base.Page) -> Page | Problem:
    """Return the page that list parameters ask for."""
    if parameters.starting_after is not UNSET and parameters.ending_before is not UNSET:
        return invalid(
            "You may only specify one of these parameters: starting_after, ending_before.",
            code="parameters_exclusive",
            param="starting_after",
        )
    gte_ms: int | None = None
    lt_ms: int | None = None
    created = getattr(parameters, "created", UNSET)
    if isinstance(created, int):
        gte_ms, lt_ms = created * _SECOND, (created + 1) * _SECOND
    elif isinstance(created, base.Range):
        gte_ms, lt_ms = _bounds(created)
    return Page(
        limit=parameters.limit,
        starting_after=or_none(parameters.starting_after),
        ending_before=or_none(parameters.ending_before),
        created_gte=gte_ms,
        created_lt=lt_ms,
    )


def _bounds(created: base.Range) -> tuple[int | None, int | None]:
    """Return the half-open milliseconds that bounds in whole seconds mean."""
    lower = [] if created.gte is UNSET else [created.gte]
    lower += [] if created.gt is UNSET else [created.gt + 1]
    upper = [] if created.lt is UNSET else [created.lt]
    upper += [] if created.lte is UNSET else [created.lte + 1]
    return (max(lower) * _SECOND if lower else None, min(upper) * _SECOND if upper else None)


def no_such_cursor(parameters: base.Page, path: str) -> Problem:
    """Return the complaint about the cursor in ``parameters`` of the list at ``path``."""
    param = "ending_before" if parameters.starting_after is UNSET else "starting_after"
    listed = path.rsplit("/", 1)[-1].removesuffix("s")
    return msgspec.structs.replace(missing(listed, getattr(parameters, param), param=param), status=400)


async def show_page(
    call: Call[Any],
    found: PageResult[T] | Problem,
    render: Callable[[T], Shown],
    of: Mapping[str, str | None] = _NOBODY,
) -> Answer | Problem:
    """Return the list answer for a page of values, or the complaint about a cursor or filter that names nothing.

    Args:
        call: the request.
        found: the page.
        render: makes a value's public shape.
        of: whose values were asked for, by parameter; looked for only where there are none.

    """
    if isinstance(found, Problem):
        return found
    if of and not found.items:
        problem = await missing_owner(call.services.rooms.database, call.scope, of)
        if problem is not None:
            return problem
    if not found.cursor_found:
        return no_such_cursor(call.parameters, call.context.path)
    return await call.show_list([render(item) for item in found.items], has_more=found.has_more)


async def show_one(call: Call[Any], found: T | Problem, render: Callable[[T], Shown]) -> Answer | Problem:
    """Return the answer for one value."""
    return found if isinstance(found, Problem) else await call.show(render(found))


def details_of(parameters: msgspec.Struct, names: Iterable[str], *, keep_unset: bool) -> dict[str, Any]:
    """Return the fields among ``names`` that were given, as plain values.

    Args:
        parameters: the request's parameters.
        names: fields that are only stored and shown.
        keep_unset: True where a None must reach the room, because it unsets what is stored.

    """
    details: dict[str, Any] = {}
    for name in names:
        value = getattr(parameters, name)
        if value is UNSET or (value is None and not keep_unset):
            continue
        details[name] = base.given(value) if isinstance(value, (msgspec.Struct, list)) else value
    if details.get("shipping"):
        details["shipping"] = full_shipping(details["shipping"])
    return details


def full_shipping(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return a shipping hash with every key of the public shape."""
    return shipping({"carrier": None, "tracking_number": None, **given})


def options_of(given: msgspec.Struct | UnsetType, card: dict[str, Any]) -> dict[str, Any] | None:
    """Return ``payment_method_options`` as shown: ``card`` with every key, the rest as it came."""
    if given is UNSET:
        return None
    options = {name: value for name, value in base.given(given).items() if value is not None}
    transfer = (options.get("customer_balance") or {}).get("bank_transfer") or {}
    if transfer.get("type") == "jp_bank_account":
        transfer["type"] = "jp_bank_transfer"
    if options and "card" not in options:
        return options
    asked = {name: value for name, value in (options.get("card") or {}).items() if value is not None}
    return {**options, "card": {**card, **asked}}


def options_of_browser(
    given: msgspec.Struct | UnsetType, kept: dict[str, Any] | None, card: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the options after a publishable key gave some: it adds to what the server asked for, and drops nothing.

    Args:
        given: what it gave.
        kept: the intent's own options.
        card: the options of a card where nobody gave any.

    """
    options = options_of(given, {})
    if options is None or kept is None:
        return options_of(given, card)
    return {**kept, **{name: {**(kept.get(name) or {}), **asked} for name, asked in options.items()}}


CARD_OPTIONS: dict[str, Any] = {
    "installments": None,
    "mandate_options": None,
    "network": None,
    "request_three_d_secure": "automatic",
}
SETUP_CARD_OPTIONS: dict[str, Any] = {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}


def money_of(amount: int, currency: str) -> Money | Problem:
    """Return the money that an amount and a currency of the front API mean."""
    lower = currency.lower()
    if iso_exponent(lower) is None:
        return invalid(f"Invalid currency: {lower}. It must be a three-letter ISO currency code.", param="currency")
    return front_money(amount, lower, "amount")


class WithMethods(Protocol):
    """Parameters of an intent that say how it may be paid."""

    @property
    def automatic_payment_methods(self) -> payment_methods.AutomaticMethods | UnsetType:
        """Return whether it may be paid by whatever is enabled."""
        ...

    @property
    def payment_method_types(self) -> list[str] | UnsetType:
        """Return the types that it may be paid by."""
        ...


def ways_to_pay(asked: WithMethods, version: str | None) -> dict[str, Any]:
    """Return the details that say how an intent may be paid: automatically unless types are listed.

    Args:
        asked: the request's parameters.
        version: the version that the client named; in older ones cards were what may be paid with.

    """
    automatic = asked.automatic_payment_methods
    if automatic is UNSET:
        if asked.payment_method_types is not UNSET:
            return {}
        if cards_unless_told(version):
            return {"payment_method_types": ["card"]}
        return {"automatic_payment_methods": {"allow_redirects": "always", "enabled": True}}
    if not automatic.enabled:
        return {}
    redirects = "always" if automatic.allow_redirects is UNSET else automatic.allow_redirects
    return {"automatic_payment_methods": {"allow_redirects": redirects, "enabled": True}}


def method_data(
    given: payment_methods.PaymentMethodData | payment_methods.CreatePaymentMethod | UnsetType,
) -> PaymentMethodData | None:
    """Return the payment method that is to be made, or None."""
    if given is UNSET:
        return None
    card, debit = given.card, given.sepa_debit
    return PaymentMethodData(
        type=given.type,
        card=None if card is UNSET else card_data(card),
        sepa_debit=None if debit is UNSET else SepaDebitData(iban=debit.iban),
        billing_details={} if given.billing_details is UNSET else base.given(given.billing_details),
        metadata=or_none(given.metadata),
        allow_redisplay="unspecified" if given.allow_redisplay is UNSET else given.allow_redisplay,
    )


def card_data(card: payment_methods.Card) -> CardData:
    """Return the card that a request carries."""
    return CardData(
        number=or_none(card.number),
        exp_month=or_none(card.exp_month),
        exp_year=or_none(card.exp_year),
        cvc=or_none(card.cvc),
        token=or_none(card.token),
        preferred_network=None if card.networks is UNSET else or_none(card.networks.preferred),
        metadata=or_none(card.metadata),
    )


def legacy_card(card: tokens.LegacyCard) -> CardData:
    """Return a card in the older flat form."""
    return CardData(
        number=card.number,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        cvc=or_none(card.cvc),
        name=or_none(card.name),
        address={plain: or_none(getattr(card, flat)) for flat, plain in FLAT_ADDRESS.items()},
        preferred_network=None if card.networks is UNSET else or_none(card.networks.preferred),
        metadata=or_none(card.metadata),
    )


def source_of(parameters: WithSource) -> str | CardData | None:
    """Return the legacy ``source``: a token or stored source by id, or a card in clear; ``card`` is its oldest name."""
    given = parameters.card if parameters.source is UNSET else parameters.source
    return legacy_card(given) if isinstance(given, tokens.LegacyCard) else or_none(given)


_INSTRUMENTS = ("payment_method", "payment_method_data", "confirmation_token")


def one_instrument(parameters: msgspec.Struct) -> Problem | None:
    """Return the complaint about a request that names more than one thing to pay with, or None."""
    given = ((name, getattr(parameters, name, UNSET)) for name in _INSTRUMENTS)
    named = [name for name, value in given if value is not UNSET and value is not None]
    if len(named) <= 1:
        return None
    return invalid(
        f"You may only specify one of these parameters: {', '.join(named)}.",
        code="parameters_exclusive",
        param=named[0],
    )


def mandate_of(call: Call[Any], given: payment_methods.MandateData | UnsetType | None) -> dict[str, Any] | None:
    """Return ``mandate_data``, with the browser's address and agent where the request comes from one."""
    if given is UNSET or given is None:
        return None
    data: dict[str, Any] = base.given(given)
    acceptance = data["customer_acceptance"]
    if acceptance["type"] == "online":
        seen = {"ip_address": call.client_ip, "user_agent": call.user_agent} if call.context.publishable else {}
        acceptance["online"] = {"ip_address": None, "user_agent": None, **seen, **acceptance.get("online", {})}
    return data


def check_client_secret(
    call: Call[Any], given: str | UnsetType, kept: str | None, kind: str, param: str
) -> Problem | None:
    """Return why the caller may not see the object, or None: a publishable key must show its client secret.

    Args:
        call: the request.
        given: the secret it shows.
        kept: the object's secret.
        kind: the object, for the message.
        param: what the path calls it.

    """
    if given is UNSET:
        if not call.context.publishable:
            return None
        return invalid("Missing required param: client_secret.", code="parameter_missing", param="client_secret")
    if kept is not None and same_secret(given, kept):
        return None
    if call.context.publishable:
        return missing(kind, call.ids[0], param=param)
    return invalid(
        f"The client_secret provided does not match the client_secret associated with this {kind.replace('_', ' ')}.",
        param="client_secret",
    )
