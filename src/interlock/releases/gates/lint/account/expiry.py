"""``lint.expiry``: what runs out. Certificates and signed tokens tell it themselves; the rest is told by the operator.

Something that has run out fails. Something that will within 14 days fails in live mode when this release brings it:
whoever installs a new release can install a new certificate first. What serves already does not fail, because a repair
must not wait for a certificate that it does not change; it is listed under ``measured.expiring``. In test mode it is
only listed.
"""

import base64
import binascii
from collections.abc import Iterator

import msgspec
from cryptography import x509

from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.types import Subject

CHECK = "expiry"
SOON_MS = 14 * 86_400_000
_DAY_MS = 86_400_000
_BEGIN = "-----BEGIN CERTIFICATE-----"
_TOKEN_PARTS = 3
_VALUE_MAX = 65_536
_LATEST_S = 253_402_300_799
"""The last second of the year 9999: what is beyond is no date in anybody's calendar."""


class _Claims(msgspec.Struct):
    exp: float | None = None


def check(subject: Subject, notes: Notes) -> None:
    """Look at the expiry of every credential and setting that has one."""
    config = subject.config
    if config is None:
        return
    values = {f"credentials.{name}": value for name, value in config.credentials.items()}
    values |= {f"settings.{name}": value for name, value in config.settings.items()}
    for field, value in values.items():
        notes.looked(CHECK)
        for begins_ms, ends_ms, what in _terms(field, value, notes):
            if begins_ms > subject.now_ms:
                problem = f"{what} is valid in {_days(begins_ms - subject.now_ms)} only"
                notes.fail(CHECK, field, problem, "give one that is valid now, or correct the clock")
            _check_end(field, what, ends_ms, subject, notes)
    for name, ends_ms in subject.credentials_expire_at_ms.items():
        if name in config.credentials:
            _check_end(f"credentials.{name}", "the credential", ends_ms, subject, notes)


def _check_end(field: str, what: str, ends_ms: int, subject: Subject, notes: Notes) -> None:
    left_ms = ends_ms - subject.now_ms
    if left_ms <= 0:
        notes.fail(CHECK, field, f"{what} ran out {_days(-left_ms)} ago", "renew it", expired_at_ms=ends_ms)
    elif left_ms <= SOON_MS:
        notes.measured.setdefault("expiring", {})[field] = ends_ms
        if subject.livemode and not _serves(field, subject):
            problem = f"{what} runs out in {_days(left_ms)}, and this release would bring it"
            notes.fail(CHECK, field, problem, "renew it first", expires_at_ms=ends_ms)


def _serves(field: str, subject: Subject) -> bool:
    """Return True where the release that serves now has the very same value."""
    if subject.stable_config is None or subject.config is None:
        return False
    group, _, name = field.partition(".")
    now = subject.config.credentials if group == "credentials" else subject.config.settings
    before = subject.stable_config.credentials if group == "credentials" else subject.stable_config.settings
    return before.get(name) == now.get(name)


def _days(duration_ms: int) -> str:
    days = duration_ms // _DAY_MS
    return f"{days} day{'' if days == 1 else 's'}" if days else f"{max(1, duration_ms // 3_600_000)} h"


def _terms(field: str, value: str, notes: Notes) -> Iterator[tuple[int, int, str]]:
    """Yield from when until when, in epoch milliseconds, each certificate or token in ``value`` is valid."""
    if len(value) > _VALUE_MAX:
        notes.doubt(CHECK, field, "is too long to be searched for an end", "make sure that it does not run out")
        return
    if _BEGIN in value:
        try:
            certificates = x509.load_pem_x509_certificates(value.encode())
        except ValueError:
            notes.fail(CHECK, field, "holds a certificate that cannot be read", "paste it again, in whole")
            return
        for certificate in certificates:
            begins_ms = int(certificate.not_valid_before_utc.timestamp() * 1000)
            yield begins_ms, int(certificate.not_valid_after_utc.timestamp() * 1000), "the certificate"
    elif value.startswith("eyJ") and value.count(".") == _TOKEN_PARTS - 1:
        try:
            claims = value.split(".")[1]
            content = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
            ends_s = msgspec.json.decode(content, type=_Claims).exp
        except (binascii.Error, ValueError, msgspec.DecodeError):
            return
        if ends_s is not None and 0 <= ends_s <= _LATEST_S:
            yield 0, int(ends_s * 1000), "the token"
        elif ends_s is not None:
            notes.doubt(CHECK, field, "is a token whose end is no time", "ask for one with an end that can be read")
