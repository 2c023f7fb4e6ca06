"""What a change of one manifest field means, in a sentence: one row per field of the manifest, none left out.

Pure; used by ``fields``. A sentence says what the switch does with the field, or, where only gates and people read it,
that the manifest declares it. A test holds the table against the manifest's types, so that a new field needs a row.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from interlock.releases.diff.types import Group, Severity
from interlock.releases.showing import duration, shown

MONEY, SECURITY, ROUTING, OTHER = Severity.MONEY, Severity.SECURITY, Severity.ROUTING, Severity.OTHER


class Edit(msgspec.Struct, frozen=True):
    """One change: ``key`` is the name in the middle of the path (the credential, the operation), else empty; ``added``
    and ``removed`` are filled for sets."""

    before: Any
    after: Any
    key: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def grows(self) -> bool:
        """Return True where a number became larger."""
        return bool(self.after > self.before)


Tell = Callable[[Edit], str]


class Row(msgspec.Struct, frozen=True):
    """How one field is told."""

    group: Group
    severity: Severity
    tell: Tell


def says(template: str) -> Tell:
    """Tell by a template of ``{before}``, ``{after}`` and ``{key}``."""
    return lambda edit: template.format(before=_word(edit.before), after=_word(edit.after), key=shown(edit.key))


def _word(value: Any) -> str:
    return shown(value) or "nothing"


def flag(on: str, off: str) -> Tell:
    """Tell ``on`` where the field became true (or came to exist), else ``off``."""
    return lambda edit: says(on if edit.after else off)(edit)


def limit(shorter: str, longer: str) -> Tell:
    """Tell a time in milliseconds; both templates may name ``{after}``."""

    def tell(edit: Edit) -> str:
        return (longer if edit.grows else shorter).format(after=duration(edit.after), before=duration(edit.before))

    return tell


def size(fewer: str, more: str) -> Tell:
    """Tell a number that has no unit of time."""
    return lambda edit: says(more if edit.grows else fewer)(edit)


def members(added: str, removed: str) -> Tell:
    """Tell a set by what came (``{names}``) and what went."""

    def tell(edit: Edit) -> str:
        parts = [
            template.format(names=shown(names), key=shown(edit.key))
            for template, names in ((added, edit.added), (removed, edit.removed))
            if names
        ]
        return "; ".join(parts)

    return tell


def entry(added: str, removed: str) -> Tell:
    """Tell a whole entry that came or went."""
    return lambda edit: says(added if edit.before is None else removed)(edit)


def _pauses(edit: Edit) -> str:
    pauses = ", ".join(duration(each) for each in edit.after)
    return f"the manifest proposes these pauses between two questions about an unknown outcome: {pauses}"


def _inquiry(edit: Edit) -> str:
    ways = {
        "none": "nothing can be asked: an unknown outcome stays unknown until a notification settles it",
        "retrieve": "an unknown outcome is settled by looking the payment up",
        "resend": "an unknown outcome is settled by sending the request again under its key",
        "retrieve_and_resend": "an unknown outcome is settled by sending the request again under its key, or by "
        "looking the payment up",
    }
    return ways[edit.after]


def _ability(what: str) -> Tell:
    return flag(f"payments that need {what} may come here", f"payments that need {what} are not routed here any more")


_NO_ANSWER = "the operation counts as not sent, and the next gateway is tried"

ROWS: dict[str, Row] = {
    # -- identity
    "name": Row(Group.IDENTITY, OTHER, says("this is another connector: {before} became {after}")),
    "title": Row(Group.IDENTITY, OTHER, says("people read {after} where they read {before}")),
    "contract_version": Row(Group.IDENTITY, OTHER, says("the code keeps version {after} of the connector contract")),
    "api_version": Row(
        Group.IDENTITY,
        MONEY,
        says("the connector is told to speak version {after} of the provider's API: answers may have another shape"),
    ),
    "documentation": Row(Group.IDENTITY, OTHER, says("the provider's documentation is read at {after}")),
    "request_id_header": Row(
        Group.IDENTITY,
        OTHER,
        flag(
            "the provider's own id of an answer is read from {after}",
            "the provider's own id of an answer is not read any more",
        ),
    ),
    # -- hosts and authentication
    "hosts.live.base_url": Row(
        Group.HOSTS, SECURITY, says("live requests, with their keys and cards, go to the new address")
    ),
    "hosts.test.base_url": Row(Group.HOSTS, SECURITY, says("test requests, with their keys, go to the new address")),
    "hosts.test_override": Row(
        Group.HOSTS,
        SECURITY,
        flag(
            "in test mode the setting base_url may send requests to another host",
            "no setting can replace the test host any more",
        ),
    ),
    "auth.scheme": Row(Group.HOSTS, SECURITY, says("requests are declared to carry their credential as {after}")),
    "auth.header": Row(
        Group.HOSTS, SECURITY, says("the credential is declared to travel in the header {after}, not in {before}")
    ),
    "auth.credential": Row(
        Group.HOSTS, SECURITY, says("requests are declared to carry the credential {after}, not {before}")
    ),
    # -- what an account gives
    "credentials.*": Row(
        Group.ACCOUNT,
        SECURITY,
        entry(
            "accounts can give a credential {key}",
            "there is no credential {key} any more; an account that still gives it is refused",
        ),
    ),
    "credentials.*.title": Row(Group.ACCOUNT, OTHER, says("{key} is called “{after}”")),
    "credentials.*.required": Row(
        Group.ACCOUNT,
        SECURITY,
        flag("an account without {key} cannot run this release", "an account may leave {key} out"),
    ),
    "credentials.*.live_prefixes": Row(
        Group.ACCOUNT,
        SECURITY,
        members(
            "a live {key} may begin with {names}, and such a key is refused in test mode",
            "a live {key} may not begin with {names} any more, and test mode does not refuse such a key",
        ),
    ),
    "credentials.*.test_prefixes": Row(
        Group.ACCOUNT,
        SECURITY,
        members(
            "a test {key} may begin with {names}, and such a key is refused in live mode",
            "a test {key} may not begin with {names} any more, and live mode does not refuse such a key",
        ),
    ),
    "credentials.*.pattern": Row(
        Group.ACCOUNT, SECURITY, flag("{key} must have the shape {after}", "{key} may have any shape")
    ),
    "settings.*": Row(
        Group.ACCOUNT,
        OTHER,
        entry(
            "accounts can give a setting {key}",
            "there is no setting {key} any more; an account that still gives it is refused",
        ),
    ),
    "settings.*.title": Row(Group.ACCOUNT, OTHER, says("{key} is called “{after}”")),
    "settings.*.required_in": Row(
        Group.ACCOUNT,
        ROUTING,
        members(
            "in {names} mode an account without {key} cannot run this release",
            "in {names} mode an account may leave {key} out",
        ),
    ),
    "settings.*.pattern": Row(
        Group.ACCOUNT, OTHER, flag("{key} must have the shape {after}", "{key} may have any shape")
    ),
    "settings.*.default": Row(
        Group.ACCOUNT,
        OTHER,
        flag(
            "{key} may be left out; the manifest names {after} for that case",
            "{key} has no value of its own where it is left out",
        ),
    ),
    # -- capabilities
    "capabilities.operations": Row(
        Group.CAPABILITIES,
        ROUTING,
        members(
            "it can {names}: payments that need that may come here",
            "it cannot {names} any more: payments that need that are not routed here, and for those begun here nothing "
            "can be sent",
        ),
    ),
    "capabilities.networks": Row(
        Group.CAPABILITIES,
        ROUTING,
        members("cards of {names} may come here", "cards of {names} are not routed here any more"),
    ),
    "capabilities.methods": Row(
        Group.CAPABILITIES,
        ROUTING,
        members("payments by {names} may come here", "payments by {names} are not routed here any more"),
    ),
    "capabilities.partial_capture": Row(Group.CAPABILITIES, ROUTING, _ability("partial captures")),
    "capabilities.multicapture": Row(Group.CAPABILITIES, ROUTING, _ability("several captures")),
    "capabilities.incremental": Row(Group.CAPABILITIES, ROUTING, _ability("incremental authorisation")),
    "capabilities.partial_refund": Row(Group.CAPABILITIES, ROUTING, _ability("partial refunds")),
    "capabilities.multiple_refunds": Row(Group.CAPABILITIES, ROUTING, _ability("several refunds")),
    "capabilities.three_d_secure": Row(Group.CAPABILITIES, ROUTING, _ability("3D Secure")),
    "capabilities.stored_credentials": Row(
        Group.CAPABILITIES,
        ROUTING,
        members(
            "payments with stored cards, started by the {names}, may come here",
            "payments with stored cards, started by the {names}, are declared impossible here",
        ),
    ),
    "capabilities.network_transaction_id": Row(
        Group.CAPABILITIES,
        ROUTING,
        flag(
            "later payments of a stored card are declared to quote the network's transaction id",
            "later payments of a stored card are declared not to quote the network's transaction id",
        ),
    ),
    "capabilities.asynchronous_operations": Row(
        Group.CAPABILITIES,
        MONEY,
        members(
            "the answer to {names} is declared to be an acknowledgement: the result comes later",
            "the answer to {names} is declared to be final",
        ),
    ),
    "capabilities.inquiry": Row(Group.CAPABILITIES, MONEY, _inquiry),
    "challenge.return_parameters": Row(
        Group.CAPABILITIES,
        MONEY,
        members(
            "a shopper who comes back with {names} has returned from the challenge",
            "{names} alone does not count as a return from the challenge any more",
        ),
    ),
    # -- timeouts and limits
    "timeouts.resolve_ms": Row(
        Group.LIMITS,
        ROUTING,
        limit(
            f"a name that takes longer than {{after}} to resolve: {_NO_ANSWER}",
            "resolving a name may take up to {after} of the shopper's time",
        ),
    ),
    "timeouts.connect_ms": Row(
        Group.LIMITS,
        ROUTING,
        limit(
            f"a connection that takes longer than {{after}}: {_NO_ANSWER}",
            "connecting may take up to {after} of the shopper's time",
        ),
    ),
    "timeouts.tls_ms": Row(
        Group.LIMITS,
        ROUTING,
        limit(
            f"a TLS handshake that takes longer than {{after}}: {_NO_ANSWER}",
            "the TLS handshake may take up to {after} of the shopper's time",
        ),
    ),
    "timeouts.write_ms": Row(
        Group.LIMITS,
        MONEY,
        limit(
            "requests that take longer than {after} to hand over end unknown",
            "handing a request over may take up to {after} before it ends unknown",
        ),
    ),
    "timeouts.read_ms": Row(
        Group.LIMITS,
        MONEY,
        limit(
            "authorisations, and every other request, that are not answered within {after} end unknown",
            "an answer is waited for up to {after} before the request ends unknown",
        ),
    ),
    "timeouts.total_ms": Row(
        Group.LIMITS,
        MONEY,
        limit(
            "an operation with all its requests is cut off after {after}: unknown once anything was sent",
            "an operation with all its requests may take up to {after}",
        ),
    ),
    "limits.requests": Row(
        Group.LIMITS,
        MONEY,
        size(
            "an operation that needs more than {after} requests is cut off and ends unknown",
            "an operation may make up to {after} requests",
        ),
    ),
    "limits.request_bytes": Row(
        Group.LIMITS,
        ROUTING,
        size("a request of more than {after} bytes is not sent", "requests of up to {after} bytes are sent"),
    ),
    "limits.response_bytes": Row(
        Group.LIMITS,
        MONEY,
        size("an answer of more than {after} bytes ends unknown", "answers of up to {after} bytes are read"),
    ),
    # -- idempotency, retry, inquiry
    "idempotency.header": Row(
        Group.REPETITION, MONEY, says("the key that prevents a second charge is declared to travel in {after}")
    ),
    "idempotency.retention_ms": Row(
        Group.REPETITION,
        MONEY,
        limit(
            "a request may be sent again under its key until it is {after} old, not {before}",
            "a request may be sent again under its key until it is {after} old: wrong where the provider forgets keys "
            "sooner, because a forgotten key charges a second time",
        ),
    ),
    "idempotency.key_max_length": Row(
        Group.REPETITION, MONEY, says("the provider's longest key is declared to have {after} characters")
    ),
    "retry.inquiry_delays_ms": Row(Group.REPETITION, MONEY, _pauses),
    "retry.rate_limit_codes": Row(
        Group.REPETITION,
        ROUTING,
        members("{names} is declared to mean too many requests", "{names} is not declared to mean too many requests"),
    ),
    "retry.never_retry_declines": Row(
        Group.REPETITION,
        ROUTING,
        members(
            "a payment declined with {names} is declared never to be tried again",
            "a payment declined with {names} is not declared hopeless any more",
        ),
    ),
    "inquiry.consistency_delay_ms": Row(
        Group.REPETITION,
        MONEY,
        limit(
            "“not found” proves already after {after}, not {before}, that nothing was charged: a payment still under "
            "way may be taken for absent",
            "“not found” proves only after {after} that nothing was charged",
        ),
    ),
    # -- webhook
    "webhook": Row(
        Group.WEBHOOK,
        SECURITY,
        entry(
            "notifications of the provider are taken in",
            "notifications of the provider are not taken in any more: what is pending is settled by asking alone",
        ),
    ),
    "webhook.scheme": Row(Group.WEBHOOK, SECURITY, says("notifications are declared to be signed by {after}")),
    "webhook.credential": Row(
        Group.WEBHOOK, SECURITY, says("notifications are declared to be checked with {after}, not with {before}")
    ),
    "webhook.signature_header": Row(
        Group.WEBHOOK,
        SECURITY,
        flag(
            "the signature is declared to travel in the header {after}",
            "the signature is declared to travel in no header of its own",
        ),
    ),
    "webhook.tolerance_ms": Row(
        Group.WEBHOOK,
        SECURITY,
        limit(
            "a notification may be {after} old, not {before}; later ones are refused",
            "a notification may be {after} old: one that was overheard can be sent again for longer",
        ),
    ),
    "webhook.acknowledge_body": Row(
        Group.WEBHOOK, OTHER, says("a notification is acknowledged with the body “{after}”")
    ),
    "webhook.subscriptions": Row(
        Group.WEBHOOK,
        MONEY,
        members(
            "the provider's account has to be subscribed to {names}",
            "{names} is not asked for any more: what only that tells is not heard",
        ),
    ),
    # -- echo and sent
    "echo.*": Row(
        Group.MONEY,
        MONEY,
        entry(
            "the switch compares the money of answers to {key}",
            "the switch does not compare the money of answers to {key} any more",
        ),
    ),
    "echo.*.amount": Row(Group.MONEY, MONEY, says("the switch reads the amount of answers to {key} at {after}")),
    "echo.*.currency": Row(Group.MONEY, MONEY, says("the switch reads the currency of answers to {key} at {after}")),
    "echo.*.captured": Row(
        Group.MONEY,
        MONEY,
        flag(
            "the switch also compares what answers to {key} call captured, at {after}",
            "the switch does not compare what answers to {key} call captured any more",
        ),
    ),
    "echo.*.cumulative": Row(
        Group.MONEY,
        MONEY,
        flag(
            "the amount in answers to {key} is read as the total of all captures",
            "the amount in answers to {key} is read as that of this operation alone",
        ),
    ),
    "sent.*": Row(
        Group.MONEY,
        MONEY,
        entry(
            "the money of requests to {key} is read apart from the connector",
            "the money of requests to {key} is not read apart from the connector any more",
        ),
    ),
    "sent.*.path": Row(Group.MONEY, MONEY, says("the request of {key} that names money is the one to {after}")),
    "sent.*.format": Row(Group.MONEY, MONEY, says("the request of {key} is read as {after}")),
    "sent.*.amount": Row(
        Group.MONEY,
        MONEY,
        flag(
            "the amount of {key} is read from the request at {after}", "the amount of {key} is not read from requests"
        ),
    ),
    "sent.*.currency": Row(
        Group.MONEY,
        MONEY,
        flag(
            "the currency of {key} is read from the request at {after}",
            "the currency of {key} is not read from requests",
        ),
    ),
    # -- currencies (exponents and multiples are tables)
    "currencies.unsupported": Row(
        Group.CURRENCIES,
        ROUTING,
        members("payments in {names} are not routed here any more", "payments in {names} may come here"),
    ),
    # -- announced changes
    "changes": Row(
        Group.ANNOUNCED,
        OTHER,
        members(
            "what is announced here is blocked by no gate",
            "what is not announced any more is blocked again",
        ),
    ),
}
