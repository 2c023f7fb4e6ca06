"""The sections about answers: what each status means, what a decline is called, which errors are certain."""

from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.declines import CardError, card_error, debit_error
from interlock.releases.handbook.markup import code, codes, paragraph, prose, table
from interlock.releases.handbook.types import HandbookFacts
from interlock.routing.declines import NEVER_RETRIED

_TECHNICAL = f"nothing; where no gateway is left, “{card_error(Result(outcome=Outcome.REFUSED)).message}”"
_LEGEND = (
    (Outcome.APPROVED, "yes", "the payment has succeeded, or waits for its capture", "the order is paid"),
    (Outcome.DECLINED, "no", "the shop is told why; another gateway is tried only where a rule says so", "the reason"),
    (Outcome.CHALLENGE, "no", "waits until the shopper is back", "the page of the bank or wallet"),
    (Outcome.PENDING, "maybe", "waits for the notification and asks as well", "*processing*"),
    (Outcome.REFUSED, "no", "tries the next gateway in the same request", _TECHNICAL),
    (Outcome.NOT_SENT, "no", "tries the next gateway in the same request", "the same"),
    (Outcome.UNKNOWN, "maybe", "asks this gateway and charges nowhere else before it is settled", "*processing*"),
)  # fmt: skip
_THEN = {
    Outcome.APPROVED: "counts as done",
    Outcome.DECLINED: "told to the shop; elsewhere only by a rule",
    Outcome.CHALLENGE: "the shopper is sent to act",
    Outcome.PENDING: "waits for the later result",
    Outcome.REFUSED: "executed nothing: next gateway",
    Outcome.NOT_SENT: "executed nothing: next gateway",
    Outcome.UNKNOWN: "asked about first",
}
_HTTP = "http"
_DEBIT = "sepa_debit"


def outcomes(facts: HandbookFacts) -> list[str]:
    """Return the legend of outcomes, then every word of the provider with its outcome."""
    legend = [[f"**{outcome}**", charged, does, sees] for outcome, charged, does, sees in _LEGEND]
    parts = [
        paragraph(
            "Every answer becomes one of seven outcomes. What cannot be classified is **unknown**, never approved",
            "and never declined. A connector may look an answer up in several of the tables below.",
        ),
        table(["Outcome", "Charged?", "What Interlock does", "What the shopper sees"], legend),
    ]
    for group, words in facts.manifest.codes.statuses.items():
        parts.append(f"### {'HTTP status' if group == _HTTP else f'Group {code(group)}'}")
        rows = [[code(raw), f"**{outcome}**", _THEN[outcome]] for raw, outcome in words.items()]
        parts.append(table([f"{prose(facts.manifest.title)} says", "Outcome", "Then"], rows))
    return parts


def declines(facts: HandbookFacts) -> list[str]:
    """Return every raw decline code by the word it is told as."""
    manifest = facts.manifest
    raw: dict[str, list[str]] = {}
    for word, meaning in manifest.codes.declines.items():
        raw.setdefault(meaning, []).append(word)
    rows = [_decline(word, raw[word]) for word in sorted(raw)]
    parts = [
        paragraph(
            f"A decline is the issuer's or the risk check's no. {prose(manifest.title)}'s codes are told in Stripe's",
            f"words; a decline without a known code reads “{_error(None).message}” By itself a decline is never",
            "tried at another gateway; a routing rule may allow that for some words, and for others none can.",
        ),
        table([f"{prose(manifest.title)} says", "Told as", "The shopper reads", "Elsewhere"], rows),
        paragraph(
            f"The API's error has the code {code(_error(None).code)} and the word as its `decline_code`; where the",
            "table says so, the word is the code as well.",
        ),
    ]
    if _DEBIT in manifest.capabilities.methods:
        parts += _debits(sorted(raw))
    return parts


def _decline(word: str, raw: list[str]) -> list[str]:
    error = _error(word)
    elsewhere = "never" if word in NEVER_RETRIED else "by a rule"
    told = f"{code(word)} (the code as well)" if error.code == word else code(word)
    return [codes(raw), told, error.message, elsewhere]


def _error(word: str | None) -> CardError:
    return card_error(Result(outcome=Outcome.DECLINED, decline_code=word))


def _debits(words: list[str]) -> list[str]:
    usual = debit_error(Result(outcome=Outcome.DECLINED))
    rows = []
    for word in words:
        error = debit_error(Result(outcome=Outcome.DECLINED, decline_code=word))
        if error != usual:
            rows.append([code(word), code(error.code), error.message])
    return [
        f"A bank debit that fails is told otherwise: as {code(usual.code)}, “{usual.message}”, except for these.",
        table(["Told as", "Error code", "The shop reads"], rows),
    ]


def error_codes(facts: HandbookFacts) -> list[str]:
    """Return the error codes that prove that nothing was executed, and those that leave it open."""
    known = facts.manifest.codes
    rows = [[code(each), "nothing was executed: the next gateway is tried at once"] for each in known.refusals]
    rows += [[code(each), "it may have been executed: the gateway is asked first"] for each in known.uncertain]
    if not rows:
        return ["The manifest names no error code whose meaning differs from its status."]
    return [
        "These codes of the provider decide by themselves, whatever the status of the answer suggests.",
        table(["Code", "It means"], rows),
    ]
