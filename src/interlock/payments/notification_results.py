"""What came of applying one gateway notification to a payment; ``payments.attempts`` tells ``webhooks.inbound``."""

import msgspec


class Applied(msgspec.Struct, frozen=True):
    """The fact is part of the payment now, or already was."""


class NotYet(msgspec.Struct, frozen=True):
    """The fact cannot be applied now but may be later: its payment is not known yet, or is being changed."""

    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """The fact will never change anything: too late, of no concern, or of no payment of ours."""

    reason: str


NotificationResult = Applied | NotYet | Ignored
