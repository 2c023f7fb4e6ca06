"""The other types of payment method: the data of those we do not take is refused, their options are stored and shown.

Called by the other modules of ``api.parameters``.
"""

from msgspec import UNSET, UnsetType

from interlock.api.parameters.base import Hash, Parameters, refuse

OTHER_TYPES = (
    "acss_debit",
    "affirm",
    "afterpay_clearpay",
    "alipay",
    "alma",
    "amazon_pay",
    "au_becs_debit",
    "bacs_debit",
    "bancontact",
    "billie",
    "bizum",
    "blik",
    "boleto",
    "card_present",
    "cashapp",
    "crypto",
    "custom",
    "customer_balance",
    "demo_pay",
    "eps",
    "fpx",
    "giropay",
    "grabpay",
    "ideal",
    "interac_present",
    "kakao_pay",
    "klarna",
    "konbini",
    "kr_card",
    "link",
    "mb_way",
    "mobilepay",
    "multibanco",
    "naver_pay",
    "nz_bank_account",
    "oxxo",
    "p24",
    "pay_by_bank",
    "payco",
    "paynow",
    "paypal",
    "payto",
    "pix",
    "promptpay",
    "revolut_pay",
    "samsung_pay",
    "satispay",
    "scalapay",
    "sepa_debit",
    "sofort",
    "sunbit",
    "swish",
    "twint",
    "upi",
    "us_bank_account",
    "wechat_pay",
    "zip",
)
_TAKEN = frozenset({"customer_balance", "sepa_debit"})
REFUSED_DATA = refuse(
    "Interlock takes cards, SEPA direct debits and bank transfers.",
    *(kind for kind in OTHER_TYPES if kind not in _TAKEN),
)


class OtherOptions(Parameters, frozen=True, kw_only=True):
    """Options of types that a card payment does not use: shown again as they came."""

    acss_debit: Hash | UnsetType | None = UNSET
    affirm: Hash | UnsetType | None = UNSET
    afterpay_clearpay: Hash | UnsetType | None = UNSET
    alipay: Hash | UnsetType | None = UNSET
    alma: Hash | UnsetType | None = UNSET
    amazon_pay: Hash | UnsetType | None = UNSET
    au_becs_debit: Hash | UnsetType | None = UNSET
    bacs_debit: Hash | UnsetType | None = UNSET
    bancontact: Hash | UnsetType | None = UNSET
    billie: Hash | UnsetType | None = UNSET
    bizum: Hash | UnsetType | None = UNSET
    blik: Hash | UnsetType | None = UNSET
    boleto: Hash | UnsetType | None = UNSET
    card_present: Hash | UnsetType | None = UNSET
    cashapp: Hash | UnsetType | None = UNSET
    crypto: Hash | UnsetType | None = UNSET
    custom: Hash | UnsetType | None = UNSET
    demo_pay: Hash | UnsetType | None = UNSET
    eps: Hash | UnsetType | None = UNSET
    fpx: Hash | UnsetType | None = UNSET
    giropay: Hash | UnsetType | None = UNSET
    grabpay: Hash | UnsetType | None = UNSET
    ideal: Hash | UnsetType | None = UNSET
    interac_present: Hash | UnsetType | None = UNSET
    kakao_pay: Hash | UnsetType | None = UNSET
    klarna: Hash | UnsetType | None = UNSET
    konbini: Hash | UnsetType | None = UNSET
    kr_card: Hash | UnsetType | None = UNSET
    link: Hash | UnsetType | None = UNSET
    mb_way: Hash | UnsetType | None = UNSET
    mobilepay: Hash | UnsetType | None = UNSET
    multibanco: Hash | UnsetType | None = UNSET
    naver_pay: Hash | UnsetType | None = UNSET
    nz_bank_account: Hash | UnsetType | None = UNSET
    oxxo: Hash | UnsetType | None = UNSET
    p24: Hash | UnsetType | None = UNSET
    pay_by_bank: Hash | UnsetType | None = UNSET
    payco: Hash | UnsetType | None = UNSET
    paynow: Hash | UnsetType | None = UNSET
    paypal: Hash | UnsetType | None = UNSET
    payto: Hash | UnsetType | None = UNSET
    pix: Hash | UnsetType | None = UNSET
    promptpay: Hash | UnsetType | None = UNSET
    revolut_pay: Hash | UnsetType | None = UNSET
    samsung_pay: Hash | UnsetType | None = UNSET
    satispay: Hash | UnsetType | None = UNSET
    scalapay: Hash | UnsetType | None = UNSET
    sepa_debit: Hash | UnsetType | None = UNSET
    sofort: Hash | UnsetType | None = UNSET
    sunbit: Hash | UnsetType | None = UNSET
    swish: Hash | UnsetType | None = UNSET
    twint: Hash | UnsetType | None = UNSET
    upi: Hash | UnsetType | None = UNSET
    us_bank_account: Hash | UnsetType | None = UNSET
    wechat_pay: Hash | UnsetType | None = UNSET
    zip: Hash | UnsetType | None = UNSET
