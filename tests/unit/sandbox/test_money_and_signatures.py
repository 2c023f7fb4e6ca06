import msgspec
import pytest

from interlock.sandbox.adyen.notifications import sign, signature
from interlock.sandbox.adyen.tables import EXPONENTS as ADYEN
from interlock.sandbox.money import exponent, major
from interlock.sandbox.stripe.desk import EXPONENTS as STRIPE

# The example of Adyen's own documentation and client libraries.
KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ITEM = {
    "pspReference": "7914073381342284",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "amount": {"value": 1130, "currency": "EUR"},
    "eventCode": "AUTHORISATION",
    "success": "true",
    "additionalData": {},
}


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(1099, 2, "10.99"), (5, 2, "0.05"), (500, 0, "500"), (1234, 3, "1.234"), (-1, 2, "-0.01")],
)
def test_major_units_are_written_exactly(amount: int, decimals: int, text: str) -> None:
    assert major(amount, decimals) == text


@pytest.mark.parametrize(
    ("currency", "stripe", "adyen"),
    [
        ("usd", 2, 2),
        ("jpy", 0, 0),
        ("kwd", 3, 3),
        ("isk", 2, 2),
        ("ugx", 2, 0),
        ("clp", 0, 2),
        ("idr", 2, 0),
        ("cve", 2, 0),
    ],
)
def test_each_provider_has_its_own_decimals(currency: str, stripe: int, adyen: int) -> None:
    assert (exponent(currency, STRIPE), exponent(currency, ADYEN)) == (stripe, adyen)


def test_a_notification_is_signed_as_in_adyens_documentation() -> None:
    assert signature(ITEM, KEY) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="


def test_the_signature_travels_in_the_items_additional_data() -> None:
    _, body = sign(msgspec.json.encode(ITEM), KEY, 0)
    item = msgspec.json.decode(body)["notificationItems"][0]["NotificationRequestItem"]
    assert item["additionalData"]["hmacSignature"] == signature(ITEM, KEY)
