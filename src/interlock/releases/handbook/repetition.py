"""The sections about certainty: what happens after a lost answer, and how notifications come in."""

from interlock.gateways.manifest import Manifest
from interlock.payments.attempts.settling import next_inquiry_ms
from interlock.releases.handbook.markup import code, codes, listing, paragraph, prose, table
from interlock.releases.handbook.types import HandbookFacts
from interlock.releases.showing import duration

_INQUIRIES_LOOKED_AT = 50
_ANSWERS = (
    ("200", "stored, or of no interest here", "nothing"),
    ("401", "the signature, its age or its mode is wrong; nothing of it is believed", "sends it again, or gives up"),
    ("404", "there is no such gateway, or it takes no notifications", "the same"),
    ("408, 413, 5xx", "it came too slowly, was too large, or could not be stored", "the same"),
)


def certainty(facts: HandbookFacts) -> list[str]:
    """Return how a payment is charged once, and what happens when nobody knows whether it was."""
    manifest = facts.manifest
    keys = manifest.idempotency
    rows = [
        ["The key travels in", f"the header {code(keys.header)}"],
        ["A request may be sent again under its key", f"until it is {duration(keys.retention_ms)} old"],
        ["Longest key", f"{keys.key_max_length} characters"],
    ]
    if manifest.retry.rate_limit_codes:
        rows.append(["Codes for too many requests", codes(manifest.retry.rate_limit_codes)])
    if manifest.retry.never_retry_declines:
        rows.append(["Declines that the provider calls hopeless", codes(manifest.retry.never_retry_declines)])
    pauses = ", ".join(duration(each) for each in manifest.retry.inquiry_delays_ms)
    rows.append(["Pauses between questions, as the manifest proposes them", pauses])
    return [
        paragraph(
            "The same operation with the same key must never charge twice: that is the provider's promise on which",
            "everything here stands.",
        ),
        table(["What the manifest says", "Value"], rows),
        "After a lost answer:",
        listing(_lost(manifest), numbered=True),
    ]


def _lost(manifest: Manifest) -> list[str]:
    title = prose(manifest.title)
    steps = [
        "The outcome is **unknown**. No other gateway is tried, and nothing has to be done by hand.",
    ]
    way = manifest.capabilities.inquiry
    if way == "none":
        steps.append(
            f"{title} cannot be asked. The outcome stays unknown until a notification settles it"
            + ("." if manifest.webhook else ", and none are taken in: somebody has to look it up at the provider.")
        )
        return steps
    steps.append(
        paragraph(
            "The request that pays goes on asking as long as its time allows; after that the worker asks, with these",
            f"pauses: {_pauses()}.",
        )
    )
    if "resend" in way:
        steps.append(
            paragraph(
                f"It asks by sending the same request again under the same key, which {title} answers with its first",
                f"answer; never when it is older than {duration(manifest.idempotency.retention_ms)}.",
            )
        )
    if "retrieve" in way:
        also = "also asks" if "resend" in way else "asks"
        delay_ms = manifest.inquiry.consistency_delay_ms
        proof = f"only when the payment is {duration(delay_ms)} old" if delay_ms else "at once"
        steps.append(
            paragraph(
                f"It {also} by looking the payment up at {title}. “Not found” proves {proof} that nothing was",
                "executed.",
            )
        )
    steps.append("A refusal of the question alone proves nothing about the payment.")
    if manifest.webhook:
        steps.append("A notification settles it at any time.")
    return steps


def _pauses() -> str:
    """Return the pauses of recovery up to the one that repeats, from the code that keeps them."""
    *pauses, last = dict.fromkeys(next_inquiry_ms(number) for number in range(_INQUIRIES_LOOKED_AT))
    return f"{', '.join(map(duration, pauses))}, then every {duration(last)}"


def notifications(facts: HandbookFacts) -> list[str]:
    """Return how the provider's webhook is set up and what becomes of a notification."""
    webhook = facts.manifest.webhook
    if webhook is None:
        return ["This integration takes in no notifications: what is pending or unknown is settled by asking alone."]
    configured = facts.configured
    address = configured.webhook_url if configured and configured.webhook_url else None
    parts = [
        f"At {prose(facts.manifest.title)}, enter this address"
        + (f": {code(address)}" if address else ", with the path that the command shows:"),
    ]
    if address is None:
        parts.append(
            listing(
                [
                    code("https://<public address>/gateways/<account id>/<gateway id>/webhooks"),
                    f"{code(f'interlock gateways show {facts.gateway}')} shows the path of a gateway",
                ]
            )
        )
    tolerance = f"refused when older than {duration(webhook.tolerance_ms)}" if webhook.tolerance_ms else "not limited"
    header = f"the header {code(webhook.signature_header)}" if webhook.signature_header else "the notification itself"
    rows = [
        ["Signature", f"scheme {code(webhook.scheme)}, in {header}"],
        ["Checked with", f"the credential {code(webhook.credential)}, over the exact bytes received"],
        ["Age", tolerance],
        ["Acknowledged with", f"200 and {code(webhook.acknowledge_body)}" if webhook.acknowledge_body else "200"],
    ]
    parts += [
        table(["Fact", "Value"], rows),
        f"Subscribe to these {len(webhook.subscriptions)} events:",
        listing(map(code, webhook.subscriptions)),
        "What the provider is answered:",
        table(["Answer", "Because", "The provider then"], _ANSWERS),
        "A notification that comes twice, late or out of order never moves a payment backwards.",
    ]
    return parts
