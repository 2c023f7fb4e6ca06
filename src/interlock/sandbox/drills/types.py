"""What ``drill.toml`` says, as frozen values. An unknown field in one is an error."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from interlock.sandbox.faults import FaultSpec

Stage = Literal[
    "static_lint",
    "contract_test",
    "sandbox_certification",
    "shadow_diff",
    "canary",
    "live_monitoring",
    "reconciliation",
    "log_audit",
]
"""The earliest stage at which a fault can be seen, in the words of the catalogue of faults."""
Mode = Literal["live", "test"]
Line = Annotated[str, Meta(min_length=1, max_length=400, pattern=r"^[^\n]+$")]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the manifest."""


class Truth(_Section, frozen=True, kw_only=True):
    """What is wrong, since when, and what a customer would see."""

    wrong: Line
    customer: Line
    since: Line = "the release"


class Edit(_Section, frozen=True, kw_only=True):
    """One change of one file of the connector: ``old``, which stands there exactly once, becomes ``new``.

    Without ``old`` the text ``new`` is put at the end of the file, which may be a new one.
    """

    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
    new: str
    old: str = ""


class Account(_Section, frozen=True, kw_only=True):
    """Settings and credentials that differ from an account as it should be. An empty value removes one.

    ``{live.NAME}``, ``{test.NAME}`` and ``{other.NAME}`` stand for a right value of that mode, and for another right
    one, so that no manifest holds anything that looks like a secret.
    """

    settings: dict[str, str] = {}
    credentials: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Return True where anything differs."""
        return bool(self.settings or self.credentials)


class Traffic(_Section, frozen=True, kw_only=True):
    """Who buys while the change is live. Without currencies, brands or cards: a plain shop's mix.

    ``seconds`` is how long the canary may take, ``rate_per_s`` how many come. ``cards`` are names of the deck
    (``threeDSecure2Required``). ``manual``, ``refunded`` and ``stored`` are shares of 1: captured later, given back,
    paid with a card that was stored before.
    """

    seconds: Annotated[float, Meta(ge=1, le=300)] = 30.0
    rate_per_s: Annotated[float, Meta(gt=0, le=100)] = 12.0
    seed: int = 7
    currencies: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    manual: Annotated[float, Meta(ge=0, le=1)] | None = None
    refunded: Annotated[float, Meta(ge=0, le=1)] | None = None
    stored: Annotated[float, Meta(ge=0, le=1)] | None = None


class Manifest(_Section, frozen=True, kw_only=True):
    """``drill.toml``.

    ``faults`` are ids of the catalogue of faults. An ``innocent`` drill must not be blamed: its change passes, whatever
    its gateway does meanwhile. ``change`` is what the release that is proposed has otherwise than the one that serves,
    ``serving`` what the latter has otherwise than a plain account. ``package`` names a folder beside the manifest.
    ``gates = false`` sends the change past the gates, so that the canary alone has to see it.
    """

    title: Line
    provider: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    truth: Truth
    faults: tuple[Annotated[str, Meta(pattern=r"^[A-Z]+\d+$")], ...] = ()
    earliest: Stage | None = None
    innocent: bool = False
    mode: Mode = "test"
    gates: bool = True
    edit: tuple[Edit, ...] = ()
    package: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,100}$")] | None = None
    change: Account = Account()
    serving: Account = Account()
    sandbox: Annotated[tuple[FaultSpec, ...], Meta(max_length=20)] = ()
    traffic: Traffic = Traffic()


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A drill as it was read: its id (the folder's name), its manifest, and the files of its package, if it has one."""

    id: str
    manifest: Manifest
    files: dict[str, bytes] | None = None

    @property
    def changes_release(self) -> bool:
        """Return True where a release is proposed."""
        says = self.manifest
        return bool(says.edit or self.files is not None or says.change)

    def edited(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """Return the files of the release that is proposed, made from those that serve.

        Raises:
            ValueError: an edit does not fit, in words.

        """
        made = dict(files if self.files is None else self.files)
        for number, edit in enumerate(self.manifest.edit, 1):
            text = made.get(edit.file, b"").decode()
            if not edit.old:
                made[edit.file] = f"{text}{edit.new}".encode()
                continue
            found = text.count(edit.old)
            if found != 1:
                raise ValueError(f"edit {number} of {edit.file}: its old text stands there {found} times, not once")
            made[edit.file] = text.replace(edit.old, edit.new).encode()
        return made
