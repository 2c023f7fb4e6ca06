"""Checks of a manifest that need no provider's table: what every integration must say, and say sanely."""

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.notes import Notes

FILE = "manifest.toml"
OPERATION_MS_MAX = 60_000
"""The longest that any operation may take: a confirm has 25 seconds by default, and recovery's lease on top of that."""

_MOVES_MONEY = (Operation.AUTHORISE, Operation.SALE, Operation.CAPTURE, Operation.INCREMENT, Operation.REFUND)
_NEEDS: tuple[tuple[Operation, Operation, str], ...] = (
    (Operation.AUTHORISE, Operation.CAPTURE, "what is held must be taken"),
    (Operation.AUTHORISE, Operation.VOID, "what is held must be released"),
    (Operation.SALE, Operation.REFUND, "what is taken must be given back"),
    (Operation.CAPTURE, Operation.REFUND, "what is taken must be given back"),
)
_READ_MS_MIN = 5_000
_REQUESTS_MAX = 12
_BYTES_MAX = {"request_bytes": 262_144, "response_bytes": 4_194_304}
"""Kilobytes are usual; what is in flight at once is held in memory, and the limit is what bounds it."""
_LADDER_MIN = 3
_FIRST_INQUIRY_MS = (500, 30_000)
_LAST_INQUIRY_MS = (60_000, 21_600_000)
_FIRST_MINUTE_MAX = 6
_MINUTE_MS = 60_000
_RESEND_RETENTION_MIN_MS = 3_600_000
_STRIPE_WORD = frozenset("abcdefghijklmnopqrstuvwxyz_")
_EVERYTHING = frozenset({"*", "**", "request *", "request /*", "result *", "request*", "result*", "notification *"})


def check(manifest: Manifest, notes: Notes) -> None:
    """Look at operations, money pointers, timeouts, limits, retries, inquiry and announced changes."""
    _check_operations(manifest, notes)
    _check_pointers(manifest, notes)
    _check_timeouts(manifest, notes)
    _check_ladder(manifest, notes)
    _check_inquiry(manifest, notes)
    _check_webhook(manifest, notes)
    _check_changes(manifest, notes)
    if not manifest.documentation.startswith("https://"):
        notes.fail("manifest", f"{FILE} documentation", "is no https:// address", "name the provider's reference")


def _check_operations(manifest: Manifest, notes: Notes) -> None:
    operations = manifest.capabilities.operations
    for operation, needed, why in _NEEDS:
        notes.looked("capabilities")
        if operation in operations and needed not in operations:
            where = f"{FILE} capabilities.operations"
            notes.fail("capabilities", where, f"has {operation} and not {needed}", f"add {needed}: {why}")
    for name in ("operations", "networks", "methods"):
        listed = getattr(manifest.capabilities, name)
        if not listed or len(set(listed)) < len(listed):
            notes.fail("capabilities", f"{FILE} capabilities.{name}", "is empty or names one twice", "name each once")


def _check_pointers(manifest: Manifest, notes: Notes) -> None:
    for operation in manifest.capabilities.operations:
        if operation not in _MOVES_MONEY:
            continue
        notes.looked("echo")
        notes.looked("sent")
        if operation not in manifest.echo:
            remedy = "name the pointers to amount and currency in its answer"
            notes.fail("echo", f"{FILE} echo.{operation}", "is missing, and the operation moves money", remedy)
        sent = manifest.sent.get(operation)
        if sent is None or sent.amount is None:
            remedy = "name where its request says the amount"
            notes.fail("sent", f"{FILE} sent.{operation}", "is missing, and the operation moves money", remedy)
    for operation, sent in manifest.sent.items():
        for name, pointer in (("amount", sent.amount), ("currency", sent.currency)):
            if pointer is not None and pointer.startswith("/") is not (sent.format == "json"):
                shape = "JSON pointer" if sent.format == "json" else "form key"
                notes.fail("sent", f"{FILE} sent.{operation}.{name}", f"is no {shape}", f"give a {shape}")


def _check_timeouts(manifest: Manifest, notes: Notes) -> None:
    timeouts = manifest.timeouts
    notes.looked("timeouts", 3)
    if timeouts.total_ms > OPERATION_MS_MAX:
        problem = f"is {timeouts.total_ms}, more than any request waits ({OPERATION_MS_MAX})"
        notes.fail("timeouts", f"{FILE} timeouts.total_ms", problem, "shorten it")
    if timeouts.read_ms < _READ_MS_MIN:
        problem = f"is {timeouts.read_ms}, and banks take longer: what they approve would be unknown here"
        notes.fail("timeouts", f"{FILE} timeouts.read_ms", problem, f"wait {_READ_MS_MIN} at least")
    before = timeouts.resolve_ms + timeouts.connect_ms + timeouts.tls_ms + timeouts.write_ms
    if timeouts.read_ms + before > timeouts.total_ms:
        problem = f"is {timeouts.total_ms}, and one request alone may take {timeouts.read_ms + before}"
        notes.fail("timeouts", f"{FILE} timeouts.total_ms", problem, "give one whole request its time")
    notes.looked("limits")
    if manifest.limits.requests > _REQUESTS_MAX:
        problem = f"is {manifest.limits.requests}; nothing takes more than {_REQUESTS_MAX} requests"
        notes.fail("limits", f"{FILE} limits.requests", problem, "lower it: it bounds what a loop can do")
    for name, most in _BYTES_MAX.items():
        notes.looked("limits")
        size = getattr(manifest.limits, name)
        if size > most:
            problem = f"is {size}, and nothing about a payment takes more than {most} bytes"
            notes.fail("limits", f"{FILE} limits.{name}", problem, "lower it: it bounds what one answer costs")


def _check_ladder(manifest: Manifest, notes: Notes) -> None:
    """Too eager a ladder asks a gateway that is slow until it stands still; too lazy a one leaves shoppers waiting."""
    ladder = manifest.retry.inquiry_delays_ms
    where = f"{FILE} retry.inquiry_delays_ms"
    notes.looked("retry", 4)
    if len(ladder) < _LADDER_MIN:
        notes.fail("retry", where, f"has {len(ladder)} steps", f"give {_LADDER_MIN} or more, each longer")
        return
    if list(ladder) != sorted(set(ladder)):
        notes.fail("retry", where, "does not grow with each step", "let each delay be longer than the one before")
    for step, delay_ms, (least, most) in (
        ("first", ladder[0], _FIRST_INQUIRY_MS),
        ("last", ladder[-1], _LAST_INQUIRY_MS),
    ):
        if not least <= delay_ms <= most:
            problem = f"its {step} delay is {delay_ms} ms, and {least} to {most} is sane"
            notes.fail("retry", where, problem, "correct it: the last one repeats")
    elapsed = asked = 0
    for delay_ms in ladder:
        elapsed += delay_ms
        asked += elapsed <= _MINUTE_MS
    if asked > _FIRST_MINUTE_MAX:
        problem = f"asks {asked} times in the first minute, which a slow gateway feels"
        notes.fail("retry", where, problem, f"ask {_FIRST_MINUTE_MAX} times at most")
    for name, words in (("never_retry_declines", manifest.retry.never_retry_declines),):
        if stray := [word for word in words if not word or set(word) - _STRIPE_WORD]:
            notes.fail("retry", f"{FILE} retry.{name}", f"{', '.join(stray)} is no decline code", "use Stripe's words")


def _check_inquiry(manifest: Manifest, notes: Notes) -> None:
    notes.looked("inquiry", 2)
    able = manifest.capabilities
    if able.inquiry == "none" and any(operation in able.operations for operation in _MOVES_MONEY):
        problem = "is none, so that an answer that is lost is never settled"
        notes.fail("inquiry", f"{FILE} capabilities.inquiry", problem, "implement inquire")
    if "resend" in able.inquiry:
        ladder = sum(manifest.retry.inquiry_delays_ms)
        least = max(_RESEND_RETENTION_MIN_MS, ladder)
        if manifest.idempotency.retention_ms < least:
            problem = f"is {manifest.idempotency.retention_ms}, and operations are sent again for {least} at least"
            notes.fail("idempotency", f"{FILE} idempotency.retention_ms", problem, "give what the provider promises")


def _check_webhook(manifest: Manifest, notes: Notes) -> None:
    notes.looked("webhook")
    webhook = manifest.webhook
    if webhook is None:
        if manifest.capabilities.asynchronous_operations:
            operations = ", ".join(manifest.capabilities.asynchronous_operations)
            problem = f"is missing, and the result of {operations} comes by webhook alone"
            notes.fail("webhook", f"{FILE} webhook", problem, "describe the webhook")
        return
    if len(set(webhook.subscriptions)) < len(webhook.subscriptions):
        notes.fail("webhook", f"{FILE} webhook.subscriptions", "names one event twice", "name each once")


def _check_changes(manifest: Manifest, notes: Notes) -> None:
    for index, change in enumerate(manifest.changes):
        notes.looked("changes")
        if change.place.strip().lower() in _EVERYTHING or not change.place.strip("*/ "):
            problem = f"announces {change.place!r}, which is everything"
            notes.fail("changes", f"{FILE} changes.{index}", problem, "announce the field that changes")
