"""What a shop sends for an order: pure functions from an order to form fields."""

from interlock.sandbox.shoppers.orders import Order

RETURN_URL = "https://shop.example/return"
Fields = list[tuple[str, str | int | bool]]

_EXPIRY_MONTH, _EXPIRY_YEAR = 12, 2034


def intent_fields(order: Order, amount: int, *, of: str = "pay") -> Fields:
    """Return what describes a payment, without how it is paid.

    Args:
        order: the order.
        amount: in the API's units.
        of: which of the order's payments it is.

    """
    fields: Fields = [
        ("amount", amount),
        ("currency", order.currency),
        ("payment_method_types[0]", "card"),
        ("description", f"{order.id} {of}"),
        ("metadata[order]", order.id),
        ("metadata[payment]", of),
    ]
    return fields


def capture_fields(order: Order) -> Fields:
    """Return how the first payment is to be captured."""
    if not order.manual:
        return [("capture_method", "automatic")] if order.number % 2 else []
    fields: Fields = [("capture_method", "manual")]
    if order.multicapture:
        fields.append(("payment_method_options[card][request_multicapture]", "if_available"))
    return fields


def card_fields(order: Order) -> Fields:
    """Return what the shopper pays with: a documented name, or the card as typed in."""
    card = order.deck_card
    if order.by_name:
        return [("payment_method", f"pm_card_{card.name}")]
    return [("payment_method_data[type]", "card"), *raw_card(order, "payment_method_data")]


def raw_card(order: Order, prefix: str = "") -> Fields:
    """Return the card as typed in, with the person it belongs to, below ``prefix``."""
    card = order.deck_card

    def name(*path: str) -> str:
        head, *rest = (prefix, *path) if prefix else path
        return head + "".join(f"[{each}]" for each in rest)

    return [
        (name("card", "number"), _typed(order)),
        (name("card", "exp_month"), _EXPIRY_MONTH),
        (name("card", "exp_year"), _EXPIRY_YEAR),
        (name("card", "cvc"), card.cvc),
        (name("billing_details", "name"), order.name),
        (name("billing_details", "email"), f"shopper+{order.number}@shop.example"),
        (name("billing_details", "address", "country"), order.country),
    ]


def _typed(order: Order) -> str:
    """Return the number as people type it: now and then in groups."""
    number = order.deck_card.number
    if order.number % 9:
        return number
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))
