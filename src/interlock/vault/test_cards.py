"""The test cards Stripe documents, and the names that stand for them (``pm_card_visa``, ``tok_visa``). Test mode only.

Data from docs.stripe.com/testing. Called by ``vault.cards`` (facts by number), ``vault.service`` (opening
``test_…`` tokens) and ``payments.instruments`` (names). The numbers are public and belong to nobody; what happens when
one is charged is the gateway's business and stands nowhere here.
"""

import datetime as dt
from functools import lru_cache

import msgspec

TOKEN_PREFIX = "test_"  # noqa: S105 - begins the token of a card that needs no sealing
_HOUR_MS = 3_600_000
_METHOD, _TOKEN = "pm_card_", "tok_"


class TestCard(msgspec.Struct, frozen=True, kw_only=True):
    """A documented test card. ``names`` go without ``pm_card_`` and ``tok_``; the first is the one to show."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    number: str
    funding: str = "credit"
    country: str = "US"
    names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    three_d_secure_supported: bool = True

    def expiry(self, now_ms: int) -> tuple[int, int]:
        """Return (month, year) of a named card: this month of next year, as Stripe's named cards have it."""
        return _a_year_after(now_ms // _HOUR_MS)


@lru_cache(maxsize=16)
def _a_year_after(hour: int) -> tuple[int, int]:
    today = dt.datetime.fromtimestamp(hour * _HOUR_MS / 1000, tz=dt.UTC)
    return today.month, today.year + 1


# number, names without prefix (space separated), funding, country; "-" for no name
_BY_BRAND = """
4242424242424242 visa,us credit US
4000056655665556 visa_debit debit US
5555555555554444 mastercard credit US
2223003122003222 - credit US
5200828282828210 mastercard_debit debit US
5105105105105100 mastercard_prepaid prepaid US
378282246310005 amex,amex_threeDSecureNotSupported credit US
371449635398431 - credit US
6011111111111117 discover credit US
6011000990139424 - credit US
6011981111111113 - debit US
3056930009020004 diners credit US
36227206271667 - credit US
3566002020360505 jcb credit JP
6200000000000005 unionpay credit CN
6200000000000047 - debit CN
6205500000000000004 - credit CN
6555900000604105 - credit KR
4000002500001001 visa_cartesBancaires debit FR
5555552500001001 mastercard_cartesBancaires debit FR
4000050360000001 visa_debit_eftposAuCoBranded debit AU
5555050360000080 mastercard_debit_eftposAuCoBranded debit AU
4000051230000072 debit_visaFsaProductCode,debit_visaHsaProductCode debit US
5200828282828897 mastercard_debit_mastercardFsaProductCode debit US
"""
_BY_COUNTRY = """
4000000320000021 ar credit AR
4000000760000002 br credit BR
4000001240000000 ca credit CA
4000001520000001 cl credit CL
4000001700000003 co credit CO
4000001880000005 cr credit CR
4000002180000000 ec credit EC
4000004840008001 mx credit MX
5062210000000009 - debit MX
4000005910000000 pa credit PA
4000006000000066 py credit PY
4000006040000068 pe credit PE
4000008580000003 uy credit UY
4000007840000001 ae credit AE
5200007840000022 ae_mastercard credit AE
4000000400000008 at credit AT
4000000560000004 be credit BE
4000001000000000 bg credit BG
4000001120000005 by credit BY
4000001910000009 hr credit HR
4000001960000008 cy credit CY
4000002030000002 cz credit CZ
4000002080000001 dk credit DK
4000002330000009 ee credit EE
4000002460000001 fi credit FI
4000002500000003 fr credit FR
4000002760000016 de credit DE
4000002920000005 gi credit GI
4000003000000030 gr credit GR
4000003480000005 hu credit HU
4000003720000005 ie credit IE
4000003800000008 it credit IT
4000004280000005 lv credit LV
4000004380000004 li credit LI
4000004400000000 lt credit LT
4000004420000006 lu credit LU
4000004700000007 mt credit MT
4000005280000002 nl credit NL
4000005780000007 no credit NO
4000006160000005 pl credit PL
4000006200000007 pt credit PT
4000006420000001 ro credit RO
4000006820000007 sa credit SA
4000007050000006 si credit SI
4000007030000001 sk credit SK
4000007240000007 es credit ES
4000007520000008 se credit SE
4000007560000009 ch credit CH
4000008260000000 gb credit GB
4000058260000005 gb_debit debit GB
5555558265554449 gb_mastercard credit GB
4000000360000006 au credit AU
4000001560000002 cn credit CN
4000003440000004 hk credit HK
4000003560000008 in credit IN
4000003920000003 jp credit JP
3530111333300000 - credit JP
4000004580000002 my credit MY
4000005540000008 nz credit NZ
4000007020000003 sg credit SG
4000001580000008 tw credit TW
4000007640000003 th_credit credit TH
4000057640000008 th_debit debit TH
"""
_BY_BEHAVIOUR = """
4000000000000002 chargeDeclined,visa_chargeDeclined credit US
4000000000009995 chargeDeclinedInsufficientFunds,visa_chargeDeclinedInsufficientFunds credit US
4000000000009987 chargeDeclinedLostCard,visa_chargeDeclinedLostCard credit US
4000000000009979 chargeDeclinedStolenCard,visa_chargeDeclinedStolenCard credit US
4000000000000069 chargeDeclinedExpiredCard,visa_chargeDeclinedExpiredCard credit US
4000000000000127 chargeDeclinedIncorrectCvc,visa_chargeDeclinedIncorrectCvc credit US
4000000000000119 chargeDeclinedProcessingError,visa_chargeDeclinedProcessingError credit US
4000000000006975 chargeDeclinedVelocityLimitExceeded,visa_chargeDeclinedVelocityLimitExceeded credit US
4000000000000341 chargeCustomerFail credit US
4100000000000019 radarBlock,chargeDeclinedFraudulent,visa_chargeDeclinedFraudulent credit US
4000000000004954 riskLevelHighest credit US
4000000000009235 riskLevelElevated credit US
4000000000000101 cvcCheckFail credit US
4000000000000036 avsZipFail credit US
4000000000000010 avsFail credit US
4000000000000028 avsLine1Fail credit US
4000000000000044 avsUnchecked credit US
4000008400000407 - credit US
4000008400000159 - credit US
4000058400307872 cvcCheckFailElevatedRisk debit US
4000058400306072 avsZipFailElevatedRisk debit US
4000000000000259 createDispute credit US
4000000000002685 createDisputeProductNotReceived credit US
4000000000001976 createDisputeInquiry credit US
4000000000005423 createIssuerFraudRecord credit US
4000000404000079 createMultipleDisputes credit AT
4000000404000038 createCe3EligibleDispute credit AT
4000008400000779 createComplianceDispute credit US
4000000000007726 pendingRefund credit US
4000000000005126 refundFail credit US
4000000000000077 bypassPending credit US
4000003720000278 bypassPendingInternational credit IE
4000000000000093 domesticPricing credit US
4000002500003155 authenticationRequiredOnSetup credit FR
4000002760003184 authenticationRequired credit DE
4000003800000446 authenticationRequiredSetupForOffSession credit IT
4000008260003178 authenticationRequiredChargeDeclinedInsufficientFunds credit GB
4000000000003220 threeDSecure2Required credit IE
4000008400000027 - credit US
4000000000003063 threeDSecureRequired credit US
4000008400001629 threeDSecureRequiredChargeDeclined credit US
4000008400001280 threeDSecureRequiredProcessingError credit US
4000000000003055 threeDSecureOptional credit US
4000000000003097 threeDSecureOptionalProcessingError credit US
"""
_CO_BRANDED = {
    "4000002500001001": ("cartes_bancaires", "visa"),
    "5555552500001001": ("cartes_bancaires", "mastercard"),
    "4000050360000001": ("eftpos_au", "visa"),
    "5555050360000080": ("eftpos_au", "mastercard"),
}
_WITHOUT_3DS = frozenset({"378282246310005", "371449635398431"})


def _parse(line: str) -> TestCard:
    number, names, funding, country = line.split()
    return TestCard(
        number=number,
        funding=funding,
        country=country,
        names=() if names == "-" else tuple(names.split(",")),
        networks=_CO_BRANDED.get(number, ()),
        three_d_secure_supported=number not in _WITHOUT_3DS,
    )


TEST_CARDS: tuple[TestCard, ...] = tuple(
    _parse(line) for table in (_BY_BRAND, _BY_COUNTRY, _BY_BEHAVIOUR) for line in table.split("\n") if line
)
TEST_CARDS_BY_NUMBER = {card.number: card for card in TEST_CARDS}
_BY_NAME = {name: card for card in TEST_CARDS for name in card.names}


def named_test_card(name: str) -> TestCard | None:
    """Return the card that ``pm_card_…`` or ``tok_…`` stands for, or None."""
    for prefix in (_METHOD, _TOKEN):
        if name.startswith(prefix):
            return _BY_NAME.get(name[len(prefix) :])
    return None


def token_of(card: TestCard) -> str:
    """Return the vault token of a named test card: it holds the name, not the number."""
    return TOKEN_PREFIX + card.names[0]


def opened_test_card(token: str) -> TestCard | None:
    """Return the card behind a token made by :func:`token_of`, or None."""
    return _BY_NAME.get(token.removeprefix(TOKEN_PREFIX)) if token.startswith(TOKEN_PREFIX) else None
