"""What stands in for a card, a bank account and an account's secrets while a recording is done again. Pure.

No card is ever opened for it: the vault's table of documented test cards gives one of the same network; a bank account
is made of the country's layout with nobody's number in it.
"""

import re
from collections.abc import Iterable
from functools import cache

from interlock.base.ibans import LAYOUTS
from interlock.gateways.contract import BankTransfer, Card, ConnectorConfig, Instrument, SepaDebit
from interlock.gateways.manifest import Credential, Manifest
from interlock.payments.instruments.types import CardFacts, PaymentMethod, SepaDebitFacts
from interlock.releases.gates.shadow.types import AccountShape, CardShape, ConfigFacts, Shape, TransferShape
from interlock.vault.cards import brand_of
from interlock.vault.test_cards import TEST_CARDS, TOKEN_PREFIX, opened_test_card

_CODES = {"amex": "1234"}
_CODE = "123"
_ANY_BRAND = "visa"
_CHECK_DIVISOR = 97
_LETTERS = "Shadow0000000000000000000000"
_HEX = "5ad0" * 16
_LITERAL_HEAD = re.compile(r"[A-Za-z0-9_]*")


def shape_of(
    method: PaymentMethod, debit: SepaDebit | None, *, has_code: bool, holder_name: str | None
) -> Shape | None:
    """Return what is kept of a payment method's card or account, None where nothing is known of it.

    Args:
        method: as stored.
        debit: the debit of an account, for how its holder agreed; its IBAN is not looked at.
        has_code: whether a security code went with it.
        holder_name: as it is to be kept.

    """
    facts = method.card
    if isinstance(facts, CardFacts):
        named = facts.vault_card_id if facts.vault_card_id.startswith(TOKEN_PREFIX) else None
        return CardShape(
            brand=facts.brand,
            exp_month=facts.exp_month,
            exp_year=facts.exp_year,
            networks=facts.networks,
            named=named,
            has_code=has_code,
            holder_name=holder_name,
        )
    if isinstance(facts, SepaDebitFacts) and debit is not None:
        return AccountShape(
            country=facts.country,
            bank_code=facts.bank_code,
            branch_code=facts.branch_code,
            acceptance=debit.acceptance,
        )
    return None


def instrument_of(shape: Shape) -> Instrument:
    """Return the instrument that stands in for what had ``shape``."""
    if isinstance(shape, AccountShape):
        return SepaDebit(
            iban=stand_in_iban(shape.country, shape.bank_code, shape.branch_code), acceptance=shape.acceptance
        )
    if isinstance(shape, TransferShape):
        return BankTransfer(kind=shape.kind, country=shape.country)
    number = _number(shape)
    code = _CODES.get(brand_of(number), _CODE) if shape.has_code else None
    return Card(
        number=number,
        exp_month=shape.exp_month,
        exp_year=shape.exp_year,
        cvc=code,
        holder_name=shape.holder_name,
    )


def _number(shape: CardShape) -> str:
    known = opened_test_card(shape.named) if shape.named else None
    if known is not None:
        return known.number
    by_networks = _numbers_by_networks()
    return by_networks.get(shape.networks) or by_networks.get((shape.brand,)) or by_networks[_ANY_BRAND,]


@cache
def _numbers_by_networks() -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for card in TEST_CARDS:
        found.setdefault(card.networks or (brand_of(card.number),), card.number)
    return found


def stand_in_iban(country: str, bank_code: str, branch_code: str | None) -> str:
    """Return a valid IBAN of ``country`` at the given bank, with zeros for the account's number."""
    layout = LAYOUTS.get(country) or LAYOUTS["DE"]
    country = country if country in LAYOUTS else "DE"
    plain = ["0"] * layout.length
    for place, code in ((layout.bank, bank_code), (layout.branch, branch_code)):
        if place is not None and code is not None and len(code) == place[1] - place[0]:
            plain[slice(*place)] = code.upper()
    body = "".join(plain[4:])
    digits = "".join(str(int(character, 36)) for character in f"{body}{country}00")
    return f"{country}{98 - int(digits) % _CHECK_DIVISOR:02d}{body}"


def config_of(facts: ConfigFacts, manifests: Iterable[Manifest]) -> ConnectorConfig:
    """Return a configuration with stand-ins for the secrets: the same ones for every release that is compared.

    Args:
        facts: settings, and which credentials are given.
        manifests: of the releases compared; the first that knows a credential decides how it looks.

    """
    secrets: dict[str, str] = {}
    for manifest in manifests:
        for name, credential in manifest.credentials.items():
            if name in facts.given:
                secrets.setdefault(name, _secret(credential, livemode=facts.livemode))
    return ConnectorConfig(livemode=facts.livemode, settings=facts.settings, credentials=secrets)


def facts_of_config(config: ConnectorConfig) -> ConfigFacts:
    """Return what may be kept of a configuration."""
    given = " ".join(sorted(name for name, value in config.credentials.items() if value))
    return ConfigFacts(livemode=config.livemode, settings=dict(config.settings), credentials=given)


def invented_config(manifest: Manifest, *, livemode: bool) -> ConfigFacts:
    """Return a configuration for a manifest that no account is given for: everything is filled that must be."""
    mode = "live" if livemode else "test"
    settings = {
        name: _fitting(setting.pattern, ())
        for name, setting in manifest.settings.items()
        if mode in setting.required_in
    }
    return ConfigFacts(livemode=livemode, settings=settings, credentials=" ".join(sorted(manifest.credentials)))


def _secret(credential: Credential, *, livemode: bool) -> str:
    return _fitting(credential.pattern, credential.live_prefixes if livemode else credential.test_prefixes)


def _fitting(pattern: str | None, prefixes: tuple[str, ...]) -> str:
    """Return a text that begins with the first prefix and fits the pattern, as far as a few guesses can find one."""
    head = prefixes[0] if prefixes else ""
    if not head and pattern:
        head = _LITERAL_HEAD.match(pattern)[0]  # type: ignore[index]  # it matches nothing at least
    guesses = [head + tail for tail in (_LETTERS, _HEX, _HEX.upper(), "0" * 16, "1", "")]
    if not pattern:
        return guesses[0]
    return next((guess for guess in guesses if guess and re.fullmatch(pattern, guess)), guesses[0])
