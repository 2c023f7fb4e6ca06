"""What a canary is told: assignments, verdicts of one payment, and the words for them. Frozen, for all of releases."""

from enum import StrEnum

import msgspec

PPM = 1_000_000
"""Shares are whole millionths, so that what was logged is exactly what is computed with."""

OTHER = "other"
"""The stratum that takes what comes after ``Plan.strata_limit`` others."""


class Indicator(StrEnum):
    """What is judged of a payment. Each verdict is good or bad; while it is unknown there is no observation.

    ``APPROVAL``: declined, refused, not sent and a challenge that was left behind are bad. ``TECHNICAL``: refused and
    not sent are bad. ``SLOW``: the answer took too long. ``PENDING_TOO_LONG``: no final result in the time the method
    usually needs. ``ECHO_MISMATCH``: the gateway answered with another amount or currency than it was asked for.
    """

    APPROVAL = "approval"
    TECHNICAL = "technical"
    SLOW = "slow"
    PENDING_TOO_LONG = "pending_too_long"
    ECHO_MISMATCH = "echo_mismatch"


class Assignment(msgspec.Struct, frozen=True):
    """A payment was given to one of the two arms at random.

    ``share_ppm`` is the probability of the treated arm that the draw was made with, as logged then. ``payer`` is an
    opaque name of whoever pays (never a card number); a shop that knows nobody passes the intent's id. ``stratum`` is
    any part of traffic that was fixed before the draw, such as ``adyen·card·visa·EUR``. Only the attempt that was
    drawn is an assignment: what a fallback to another release came to says nothing about the draw and is not recorded,
    nor is a later attempt of the same intent, whose arm the first draw had settled.
    """

    attempt_id: str
    payer: str
    treated: bool
    share_ppm: int
    stratum: str


class Observation(msgspec.Struct, frozen=True):
    """One verdict of an assigned payment became known. Verdicts of one payment may come at different times."""

    assignment: Assignment
    indicator: Indicator
    bad: bool
