"""Values of routing: gateways, rules with their conditions, health, and what a payment asks for and gets."""

import msgspec

from interlock.base.context import Scope
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import LoadedConnector
from interlock.routing.releases import Release
from interlock.storage.tables import Table

STABLE = "stable"
CANDIDATE = "candidate"
HOLDBACK = "holdback"
FALLBACK = "fallback"
"""Arms of attempts: the stable release, a candidate, the release before the stable one (hold-back), and the stable
release where it stands in for a candidate that failed in the same request (which no statistics count)."""
EVERY_GATEWAY = "*"
ALL_PPM = 1_000_000


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A provider account we can charge through, as stored. What runs for it is named by its pointer.

    ``position`` orders gateways where no rule says otherwise (lowest first). Fees are what the gateway keeps of a
    charge: basis points of the amount plus a fixed sum in the charge's currency.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    name: str
    connector: str
    enabled: bool
    position: int
    fee_basis_points: int = 0
    fee_fixed_minor: int = 0

    @property
    def scope(self) -> Scope:
        """Return its account and mode."""
        return Scope(self.account_id, self.livemode)


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a payment must be for a rule to apply: everything that is given must hold; nothing given always holds.

    Countries are the card's (upper case), networks are brands (``visa``), amounts are ISO minor units and need exactly
    one currency. ``share_ppm`` takes that part of payments, chosen by a stable hash of the intent's id.
    """

    currencies: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    amount_min_minor: int | None = None
    amount_max_minor: int | None = None
    metadata: dict[str, str] = {}
    share_ppm: int = ALL_PPM


class DeclineRetry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which issuer declines may be tried again: these codes, on these gateways (any when empty), how often in all."""

    decline_codes: tuple[str, ...]
    gateway_ids: tuple[str, ...] = ()
    attempts_max: int = 2


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One routing rule. Rules are asked by ``position``; the first that names gateways and holds decides their order.

    Gateways not named follow by their own position, unless ``only`` is set. ``decline_retry`` is asked for in the same
    way, by itself: the first rule that has one and holds.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    name: str
    enabled: bool
    position: int
    condition: Condition
    gateway_ids: tuple[str, ...] = ()
    only: bool = False
    decline_retry: DeclineRetry | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's opinion of a gateway (``id``), good until ``expires_at_ms``; after that it is ignored."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    healthy: bool
    reason: str
    expires_at_ms: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A switch without a deploy: payments with all of what is named are kept from ``gateway_id`` (``*`` for every one)
    until ``expires_at_ms``, or until somebody lifts it."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    gateway_id: str
    network: str | None
    method: str | None
    currency: str | None
    reason: str
    set_by: str
    expires_at_ms: int | None


GATEWAYS = Table(Gateway, "gateways")
RULES = Table(Rule, "routing_rules")
HEALTH = Table(Health, "gateway_health")
REFUSALS = Table(Refusal, "gateway_refusals")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What ranking needs to know of a gateway."""

    gateway_id: str
    name: str
    connector: str
    release_id: str
    enabled: bool
    position: int
    operations: frozenset[Operation]
    networks: frozenset[str]
    methods: frozenset[str] = frozenset({"card"})
    unsupported_currencies: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A release that takes a share of a gateway's payments beside the stable one, and may take them now.

    ``takes_the_same`` says that it can take whatever stable can, so that nobody need ask again.
    """

    route: Route
    share_ppm: int
    salt: str
    arm: str
    takes_the_same: bool = False


class RequestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment is and needs. ``networks`` are those its card can be charged through, the preferred first.

    ``needs`` are capabilities beyond ``operations``, in the manifest's words (``incremental``, ``multicapture``,
    ``stored_credentials_merchant``, ``three_d_secure``).
    """

    intent_id: str
    operations: tuple[Operation, ...]
    amount_minor: int
    currency: str
    method: str = "card"
    networks: tuple[str, ...] = ()
    country: str | None = None
    metadata: dict[str, str] = {}
    needs: frozenset[str] = frozenset()


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One route to try, and why it stands where it stands."""

    gateway_id: str
    connector: str
    release_id: str
    arm: str = STABLE
    share_ppm: int = 0
    reasons: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()


class Dropped(msgspec.Struct, frozen=True):
    """A gateway that may not take the payment, and why."""

    gateway_id: str
    reason: str


class Ranking(msgspec.Struct, frozen=True):
    """The whole answer: candidates in order, who was left out, and the rule that decided (None for none)."""

    candidates: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]
    rule_id: str | None


class ReadyGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway that can be run through one of its releases: rows, connector, and configuration with credentials."""

    gateway: Gateway
    release: Release
    loaded: LoadedConnector
    config: ConnectorConfig
    route: Route

    def __repr__(self) -> str:
        """Return the id, never the credentials."""
        return f"ReadyGateway({self.gateway.id}, {self.release.id})"

    __str__ = __repr__
