"""The sections about the integration itself: what it is, what it can do, what an account gives, how long it waits."""

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Capabilities, Credential, Manifest, Setting
from interlock.releases.handbook.markup import NOTHING, code, codes, link, listing, paragraph, prose, table, yes
from interlock.releases.handbook.types import HandbookFacts
from interlock.releases.showing import duration, shown

_WHAT = {
    Operation.AUTHORISE: "reserves money",
    Operation.SALE: "authorises and takes the money at once",
    Operation.COMPLETE: "finishes a payment when the shopper is back from a challenge",
    Operation.CAPTURE: "takes money that was authorised",
    Operation.INCREMENT: "raises an authorisation to a new total",
    Operation.VOID: "lets an authorisation go",
    Operation.REFUND: "gives back money that was taken",
    Operation.VERIFY: "checks and stores a card without taking money",
    Operation.INQUIRE: "finds out what became of an operation",
    Operation.FUND: "lets money arrive on an account that waits for a transfer, in test mode only",
}
_ABILITIES = (
    ("partial_capture", "Capture of a part"),
    ("multicapture", "Several captures of one authorisation"),
    ("incremental", "Raising an authorisation"),
    ("partial_refund", "Refund of a part"),
    ("multiple_refunds", "Several refunds of one payment"),
    ("three_d_secure", "3D Secure"),
    ("network_transaction_id", "Later payments of a stored card quote the network's transaction id"),
)
_INITIATORS = {"customer": "the shopper", "merchant": "the shop"}


def at_a_glance(facts: HandbookFacts) -> list[str]:
    """Return the facts by which an integration is recognised."""
    manifest = facts.manifest
    rows = [
        ["Provider", prose(manifest.title)],
        ["Connector", f"{code(manifest.name)}, contract version {manifest.contract_version}"],
        ["API version", code(manifest.api_version) if manifest.api_version else "none named"],
        ["Live requests go to", code(manifest.hosts.live.base_url)],
        ["Test requests go to", code(manifest.hosts.test.base_url)],
        ["Authentication", _authentication(manifest)],
        ["The provider's documentation", link(manifest.documentation)],
        ["The provider's id of an answer", _request_id(manifest)],
        ["Package", code(facts.package_id)],
    ]
    if facts.release_id:
        rows.append(["Release", code(facts.release_id)])
    if facts.configured:
        mode = "live" if facts.configured.livemode else "test"
        rows.append(["Gateway", f"{code(facts.configured.name)} ({code(facts.configured.gateway_id)}), {mode} mode"])
    return [
        paragraph(
            f"Interlock takes money through {prose(manifest.title)} with this integration. A package is its code and",
            "its manifest; the package's name is the hash of both, so this page belongs to exactly that code.",
        ),
        table(["Fact", "Value"], rows),
    ]


def _authentication(manifest: Manifest) -> str:
    scheme = "as a bearer token" if manifest.auth.scheme == "bearer" else "as it is"
    return f"credential {code(manifest.auth.credential)} in the header {code(manifest.auth.header)}, {scheme}"


def _request_id(manifest: Manifest) -> str:
    if manifest.request_id_header is None:
        return "not read"
    return f"the header {code(manifest.request_id_header)}"


def capabilities(facts: HandbookFacts) -> list[str]:
    """Return what can be asked of the integration."""
    able = facts.manifest.capabilities
    operations = [[code(operation), _WHAT[operation]] for operation in Operation if operation in able.operations]
    absent = [operation for operation in Operation if operation not in able.operations]
    rows = [[name, yes(getattr(able, field))] for field, name in _ABILITIES]
    initiators = [_INITIATORS[each] for each in able.stored_credentials]
    rows.insert(5, ["Stored cards", f"payments started by {' or by '.join(initiators)}" if initiators else "no"])
    parts = [
        paragraph(
            "Routing offers a payment to this integration only if the payment's method, card network, currency and",
            "operations are among these.",
        ),
        table(["Operation", "What it does"], operations),
        _answers(able),
    ]
    if absent:
        parts.append(f"Not offered: {codes(absent)}.")
    parts += [
        listing(
            [
                f"**Payment methods:** {codes(able.methods)}",
                f"**Card networks:** {codes(able.networks)}",
            ]
        ),
        table(["Ability", "Here"], rows),
    ]
    if facts.manifest.challenge.return_parameters:
        parts.append(
            "A shopper has returned from a challenge when the visit of the return page brings at least one of "
            f"{codes(facts.manifest.challenge.return_parameters)}."
        )
    return parts


def _answers(able: Capabilities) -> str:
    if not able.asynchronous_operations:
        return "An answer is the result, unless its outcome is **pending**."
    later = codes(able.asynchronous_operations)
    return f"The answer to {later} is an acknowledgement: the result comes later, by notification or inquiry."


def settings(facts: HandbookFacts) -> list[str]:
    """Return the parameters that an account gives and that are no secrets."""
    manifest = facts.manifest
    rows = [_setting(facts, name, setting) for name, setting in manifest.settings.items()]
    if manifest.hosts.test_override:
        given = _given(facts, "base_url", facts.configured.settings if facts.configured else ())
        rows.append([code("base_url"), "replaces the test host; never the live one", "never", "an address", *given])
    if not rows:
        return ["This integration has no settings."]
    head = ["Setting", "What it is", "Needed in", "Shape", *(["Given"] if facts.configured else [])]
    return [
        paragraph(
            f"Given when the gateway is added, as {code('--set NAME=VALUE')}. A name that is not in this table, or a",
            "value of another shape, is refused.",
        ),
        table(head, rows),
    ]


def _setting(facts: HandbookFacts, name: str, setting: Setting) -> list[str]:
    hosts = facts.manifest.hosts
    modes = [mode for mode, host in (("live", hosts.live), ("test", hosts.test)) if f"{{{name}}}" in host.base_url]
    what = prose(setting.title)
    if modes:
        what += f"; part of the {' and '.join(modes)} host's name"
    if setting.default is not None:
        what += f"; {code(setting.default)} where it is left out"
    needed = " and ".join(f"{mode} mode" for mode in setting.required_in) or "never"
    given = _given(facts, name, facts.configured.settings if facts.configured else ())
    return [code(name), what, needed, code(setting.pattern) if setting.pattern else "any", *given]


def _given(facts: HandbookFacts, name: str, names: tuple[str, ...]) -> list[str]:
    return [yes(name in names)] if facts.configured else []


def credentials(facts: HandbookFacts) -> list[str]:
    """Return the secrets that an account gives: what for, how they are checked, how they are changed."""
    manifest = facts.manifest
    head = ["Credential", "What it is", "Used for", "Needed", "Begins with", "Shape"]
    rows = [_credential(facts, name, each) for name, each in manifest.credentials.items()]
    return [
        f"Each is issued by {prose(manifest.title)}; its documentation ({link(manifest.documentation)}) tells where.",
        table(head + (["Given"] if facts.configured else []), rows),
        "How they are checked and kept:",
        listing(
            [
                "A value with spaces, or with characters that are no printable ASCII, is refused.",
                "So is one that begins as the other mode's does, or has not its shape. Nothing is sent with it.",
                "Values are sealed with the vault's keys and shown by no command, log or page.",
            ]
        ),
        "To change one, without a pause in taking money:",
        listing(_rotation(facts), numbered=True),
    ]


def _credential(facts: HandbookFacts, name: str, credential: Credential) -> list[str]:
    manifest = facts.manifest
    uses = [
        use
        for use, used in (
            ("requests", manifest.auth.credential),
            ("notifications", manifest.webhook.credential if manifest.webhook else None),
        )
        if used == name
    ]
    given = _given(facts, name, facts.configured.credentials if facts.configured else ())
    return [
        code(name),
        prose(credential.title),
        " and ".join(uses) or NOTHING,
        yes(credential.required),
        _prefixes(credential),
        code(credential.pattern) if credential.pattern else "any",
        *given,
    ]


def _prefixes(credential: Credential) -> str:
    modes = (("live", credential.live_prefixes), ("test", credential.test_prefixes))
    return (
        "; ".join(f"{mode}: {' or '.join(map(code, prefixes))}" for mode, prefixes in modes if prefixes) or "anything"
    )


def _rotation(facts: HandbookFacts) -> list[str]:
    title = prose(facts.manifest.title)
    address = f" and enter its address for notifications at {title}" if facts.manifest.webhook else ""
    steps = [f"Make the new one at {title} and leave the old one valid."]
    if "release create" in facts.commands:
        steps.append(
            paragraph(
                f"Make a release that refers to the new one ({code('interlock release create --help')}): credentials",
                "belong to a release, so the new one passes the gates before it takes money, and a rollback brings",
                "the old one back.",
            )
        )
        steps.append("Withdraw the old one when the new release is stable and no rollback to the old one is wanted.")
    else:
        steps += [
            f"Add a second gateway that has the new one ({code('interlock gateways add --help')}){address}.",
            paragraph(
                f"Send no new payments through the first: {code(f'interlock gateways disable {facts.gateway}')}.",
                "What it began is still captured, refunded and asked about with the old one.",
            ),
            "Withdraw the old one when nothing of the first gateway is left to capture, refund or settle.",
        ]
    if facts.manifest.webhook:
        steps.append(
            paragraph(
                f"For {code(facts.manifest.webhook.credential)}: notifications are believed if any of the secrets",
                "that are given fits, so give the old and the new one together until the provider signs with the new",
                "one.",
            )
        )
    return steps


def limits(facts: HandbookFacts) -> list[str]:
    """Return how long and how much one operation may take."""
    timeouts, most = facts.manifest.timeouts, facts.manifest.limits
    not_sent = "**not_sent**: the next gateway is tried"
    unknown = "**unknown**: the gateway is asked"
    rows = [
        ["resolve the host's name", duration(timeouts.resolve_ms), not_sent],
        ["connect", duration(timeouts.connect_ms), not_sent],
        ["TLS handshake", duration(timeouts.tls_ms), not_sent],
        ["hand the request over", duration(timeouts.write_ms), unknown],
        ["wait for the whole answer", duration(timeouts.read_ms), unknown],
        ["all requests of one operation", duration(timeouts.total_ms), "as the phase it was in says"],
    ]
    sizes = [
        ["requests of one operation", str(most.requests), unknown],
        ["bytes of a request", f"{most.request_bytes:,}", "**not_sent** before the first answer, else **unknown**"],
        ["bytes of an answer", f"{most.response_bytes:,}", unknown],
    ]
    return [
        paragraph(
            "Until the first byte is written, an operation was certainly not executed; from then on it may have",
            "been. An inquiry, or a completion after a challenge, that does not get through is always **unknown**:",
            "it is about something older.",
        ),
        table(["Phase", "May take", "Beyond that"], rows),
        table(["Limit", "At most", "Beyond that"], sizes),
    ]


def announced(facts: HandbookFacts) -> list[str]:
    """Return the differences to the release before that the manifest announces."""
    changes = facts.manifest.changes
    if not changes:
        return []
    rows = [
        [code(change.operation) if change.operation else "any", code(change.place), prose(change.why)]
        for change in changes
    ]
    return [
        paragraph(
            "The manifest announces these differences to the release that served before. The gates let them pass and",
            "stop on any other.",
        ),
        table(["Operation", "Place", "Why"], rows),
    ]


def title(facts: HandbookFacts) -> str:
    """Return the page's title as plain text."""
    return f"{shown(facts.manifest.title)}: integration handbook"
