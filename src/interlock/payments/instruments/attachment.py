"""Who a payment method belongs to, and whether it may be used. Pure; each change is a new version of the value.

Three rules, all Stripe's: what belongs to a customer is used only for that customer; what belongs to nobody is used for
one intent; what was detached is used no more.
"""

import msgspec

from interlock.base.problems import Problem, invalid
from interlock.payments.instruments.types import PaymentMethod

_USED_UP = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, "
    "and may not be used again."
)


def check_use(
    payment_method: PaymentMethod, customer_id: str | None, intent_id: str | None, param: str = "payment_method"
) -> Problem | None:
    """Return why ``payment_method`` may not be used for a customer's intent, or None.

    Args:
        payment_method: what is to be used.
        customer_id: the intent's customer.
        intent_id: the intent, when it exists already; one that used the method before may use it again.
        param: the parameter to name.

    """
    owner = payment_method.customer_id
    if owner is not None:
        if owner == customer_id:
            return None
        if customer_id is None:
            return invalid(
                f"The PaymentMethod {payment_method.id} belongs to the Customer {owner}. Please include the Customer "
                "in the `customer` parameter.",
                param=param,
            )
        return not_of_customer(payment_method.id, param)
    used_elsewhere = payment_method.used_by is not None and payment_method.used_by != intent_id
    if payment_method.detached or used_elsewhere:
        return invalid(_USED_UP, code="payment_method_unexpected_state", param=param)
    return None


def not_of_customer(payment_method_id: str, param: str) -> Problem:
    """Return the problem of naming a payment method that another customer, or nobody, has."""
    return invalid(
        f"The customer does not have a payment method with the ID {payment_method_id}. The payment method must be "
        "attached to the customer.",
        code="resource_missing",
        param=param,
    )


def used_by(payment_method: PaymentMethod, intent_id: str) -> PaymentMethod:
    """Return the method marked as used up by ``intent_id``; one that belongs to a customer stays as it is."""
    if payment_method.customer_id is not None or payment_method.used_by == intent_id:
        return payment_method
    return msgspec.structs.replace(payment_method, version=payment_method.version + 1, used_by=intent_id)


def attached(payment_method: PaymentMethod, customer_id: str) -> PaymentMethod:
    """Return the method as the customer's own, whoever used it before; callers have checked that it may be."""
    return msgspec.structs.replace(
        payment_method, version=payment_method.version + 1, customer_id=customer_id, used_by=None
    )


def attach(payment_method: PaymentMethod, customer_id: str) -> PaymentMethod | Problem:
    """Return the method attached at its owner's wish, or why it cannot be."""
    if payment_method.customer_id is not None:
        return invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    problem = check_use(payment_method, None, None, "payment_method")
    return problem or attached(payment_method, customer_id)


def detach(payment_method: PaymentMethod) -> PaymentMethod | Problem:
    """Return the method belonging to nobody for good, or why it cannot be."""
    if payment_method.customer_id is None:
        return invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            code="payment_method_unexpected_state",
        )
    return msgspec.structs.replace(payment_method, version=payment_method.version + 1, customer_id=None, detached=True)


def with_credential(
    payment_method: PaymentMethod,
    gateway_id: str,
    *,
    network_transaction_id: str | None,
    reference: str | None,
) -> PaymentMethod:
    """Return the method remembering what a first stored-credential use at a gateway returned.

    Args:
        payment_method: the method that was stored or used.
        gateway_id: the gateway that answered.
        network_transaction_id: the card network's id of the first payment; the first one known is kept.
        reference: the gateway's own stored credential.

    """
    network = payment_method.network_transaction_id or network_transaction_id
    credentials = payment_method.credentials
    if reference is not None and credentials.get(gateway_id) != reference:
        credentials = {**credentials, gateway_id: reference}
    if network == payment_method.network_transaction_id and credentials is payment_method.credentials:
        return payment_method
    return msgspec.structs.replace(
        payment_method, version=payment_method.version + 1, network_transaction_id=network, credentials=credentials
    )


def stored(
    payment_method: PaymentMethod,
    customer_id: str | None,
    gateway_id: str,
    *,
    network_transaction_id: str | None,
    reference: str | None,
) -> PaymentMethod:
    """Return the method after an approved use that stores it: the customer's own, with its credentials.

    The very same object comes back when nothing changed; otherwise its next version.
    """
    kept = with_credential(
        payment_method, gateway_id, network_transaction_id=network_transaction_id, reference=reference
    )
    removed = payment_method.detached  # while the payment was on its way: its owner's wish stands
    if customer_id is not None and payment_method.customer_id is None and not removed:
        kept = attached(kept, customer_id)
    if kept is payment_method:
        return payment_method
    return msgspec.structs.replace(kept, version=payment_method.version + 1)
