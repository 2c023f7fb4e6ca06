"""Code that breaks a rule is found at its line, and told in a sentence: each case is a built-in connector, edited."""

import pytest
from tests.support.lint import appended, edited, findings_of, named

from interlock.gateways.package import Package

S, A = "stripe", "adyen"
FORMS, ANSWERS, CONNECTOR, HTTP, NOTIFICATIONS, INQUIRY = (
    "forms.py",
    "answers.py",
    "connector.py",
    "http.py",
    "notifications.py",
    "inquiry.py",
)

# provider, file, what is replaced, by what, the check that tells, a part of its sentence
EDITS = [
    # imports
    (S, HTTP, "from urllib.parse import quote\n", "import os\nfrom urllib.parse import quote\n", "imports", "files"),
    (S, HTTP, "from urllib.parse import quote\n", "import time\nfrom urllib.parse import quote\n", "imports", "the clock"),
    (S, HTTP, "from urllib.parse import quote\n", "import urllib.request\nfrom urllib.parse import quote\n", "imports", "the network"),
    (S, HTTP, "from urllib.parse import quote\n", "import random\nfrom urllib.parse import quote\n", "imports", "randomness"),
    (S, HTTP, "from urllib.parse import quote\n", "import threading\nfrom urllib.parse import quote\n", "imports", "threads"),
    (S, HTTP, "from urllib.parse import quote\n", "import pickle\nfrom urllib.parse import quote\n", "imports", "not in the package"),
    (S, HTTP, "from urllib.parse import quote\n", "import math\nfrom urllib.parse import quote\n", "imports", "floats"),
    (S, HTTP, "from urllib.parse import quote\n", "import aiohttp\nfrom urllib.parse import quote\n", "imports", "the network"),
    (S, HTTP, "from urllib.parse import quote\n", "from urllib.parse import *\n", "imports", "everything"),
    (S, HTTP, "import ConnectorConfig, HttpRequest, Tables", "import ConnectorConfig, HttpRequest, Tables, datetime", "imports", "does not define"),
    (S, HTTP, "import ConnectorConfig, HttpRequest, Tables", "import ConnectorConfig, HttpRequests, Tables", "imports", "does not define"),
    (S, HTTP, "interlock.gateways.contract", "interlock.gateways.transport", "imports", "must not know"),
    (S, ANSWERS, "from .forms", "from .form", "imports", "no form.py"),
    (S, ANSWERS, "from .forms", "from ..adyen.bodies", "imports", "outside its package"),
    (A, ANSWERS, "import re\n", "import re\nfrom json import codecs\n", "imports", "none of its own names"),
    (A, ANSWERS, "re.compile(", "re.enum.sys.modules and re.compile(", "imports", "re.enum"),
    (A, ANSWERS, '    """Return ``unknown`` for', '    import json\n    """Return ``unknown`` for', "imports", "below the top"),
    # dynamic code and the outside world
    (A, HTTP, "value if value.isalnum()", "eval(value) if value.isalnum()", "dynamic_code", "eval"),
    (A, HTTP, "value if value.isalnum()", "__import__('os') if value.isalnum()", "dynamic_code", "__import__"),
    (A, HTTP, "value if value.isalnum()", "globals()[value] if value.isalnum()", "dynamic_code", "globals"),
    (A, HTTP, "value if value.isalnum()", "getattr(config, value) if value.isalnum()", "dynamic_code", "made at run time"),
    (A, HTTP, "value if value.isalnum()", "type('X', (), {}) if value.isalnum()", "dynamic_code", "class at run time"),
    (A, HTTP, "value if value.isalnum()", "value.__class__.__subclasses__() if value.isalnum()", "dynamic_code", "behind"),
    (A, HTTP, "value if value.isalnum()", "'{0.__class__}'.format(value) if value.isalnum()", "dynamic_code", "formats an attribute"),
    (A, HTTP, "    headers = {", "    setattr(config, 'livemode', True)\n    headers = {", "dynamic_code", "setattr"),
    (A, HTTP, "    headers = {", "    open('/tmp/x')\n    headers = {", "outside_world", "open"),
    (A, HTTP, "    headers = {", "    print(body)\n    headers = {", "output", "card numbers"),
    (A, HTTP, "idempotency_key[:_MAX_KEY]", "str(hash(body))", "determinism", "process to process"),
    (A, HTTP, "body=body)", "body=body, verify_ssl=False)", "outside_world", "certificates off"),
    (A, HTTP, "def post(", "async def post(", "outside_world", "asynchronous"),
    (A, "bodies.py", "for key in _REDIRECT_KEYS", "for key in set(_REDIRECT_KEYS)", "determinism", "a set"),
    (S, FORMS, '_ADDRESS_KEYS = ("city", "country", "line1", "line2", "postal_code", "state")', '_ADDRESS_KEYS = frozenset({"city", "country"})', "determinism", "a set"),
    # state
    (A, HTTP, "    headers = {", "    global _MAX_KEY\n    _MAX_KEY = 5\n    headers = {", "state", "_MAX_KEY"),
    (A, ANSWERS, '    kind = response.headers', '    _CVC["x"] = "y"\n    kind = response.headers', "state", "_CVC"),
    (A, ANSWERS, '    kind = response.headers', '    _CVC.update(a="b")\n    kind = response.headers', "state", "_CVC"),
    (A, CONNECTOR, "        verify = operation is", "        self._last = request\n        verify = operation is", "state", "self._last"),
    (A, CONNECTOR, "        verify = operation is", "        self._seen.append(request)\n        verify = operation is", "state", "self._seen"),
    (A, CONNECTOR, "        verify = operation is", "        Outcome.APPROVED = 1\n        verify = operation is", "state", "Outcome"),
    (A, HTTP, "def path_part(value: str)", "def path_part(value: str, seen: list[str] = [])", "state", "calls share"),
    (S, FORMS, "def quote(value", "@cache\ndef quote(value", "state", "cache"),
    # money
    (S, FORMS, "amount = to_provider(money, tables.currency_exponents)", "amount = money.amount_minor", "amounts", "hands on amount_minor"),
    (S, FORMS, "amount = to_provider(money, tables.currency_exponents)", "amount = money.amount_minor * 100", "amounts", "factor"),
    (S, FORMS, "amount = to_provider(money, tables.currency_exponents)", "amount = to_provider(money, {})", "amounts", "other exponents"),
    (S, FORMS, "amount = to_provider(money, tables.currency_exponents)", "amount = int(round(money.amount_minor / 100 * 100))", "amounts", "float"),
    (S, FORMS, "amount = to_provider(money, tables.currency_exponents)", "amount = float(to_provider(money, tables.currency_exponents) or 0)", "amounts", "float"),
    (S, FORMS, "    return amount\n", "    return amount * 10\n", "amounts", "factor"),
    (S, FORMS, "    return amount\n", "    return amount // 100\n", "amounts", "factor"),
    (S, FORMS, "    return amount\n", "    return int(amount * 1.0)\n", "amounts", "float"),
    (S, FORMS, "amount % tables.amount_multiples.get(money.currency, 1)", "amount % 10", "amounts", "factor"),
    (S, FORMS, " or amount % tables.amount_multiples.get(money.currency, 1)", "", "reads", "amount_multiples"),
    (S, ANSWERS, "from_provider(amount, currency, tables.currency_exponents)", "from_provider(amount, currency, {})", "amounts", "other exponents"),
    (A, "bodies.py", '"value": value', '"value": money.amount_minor', "amounts", "hands on amount_minor"),
    (S, INQUIRY, "money is None or money.currency != original.amount.currency", "money is None", "amounts", "not their currencies"),
    (S, FORMS, "    if amount is None or", '    if money.currency == "isk":\n        return 0\n    if amount is None or', "currencies", "by name"),
    (S, FORMS, "    if amount is None or", '    if money.currency in ("jpy", "krw"):\n        return 0\n    if amount is None or', "currencies", "by name"),
    # signatures
    (S, NOTIFICATIONS, "hmac.compare_digest(expected, signature)", "expected == signature", "signature", "time that tells"),
    (S, NOTIFICATIONS, "hmac.compare_digest(expected, signature)", "signature in expected", "signature", "time that tells"),
    (S, NOTIFICATIONS, "genuine |= hmac.compare_digest(expected, signature)", "hmac.compare_digest(expected, signature)", "signature", "look at the result"),
    (S, NOTIFICATIONS, "genuine = False", "genuine = True", "signature", "although no signature"),
    (S, NOTIFICATIONS, '        return "no signature matches"', "        pass", "signature", "although no signature"),
    (S, NOTIFICATIONS, '        return "no webhook secret is configured"', "        return None", "signature", "although no signature"),
    (S, NOTIFICATIONS, "    if invalid:\n", "    if invalid and now_ms:\n", "signature", "although no signature"),
    (S, NOTIFICATIONS, "    if invalid:\n        return SignatureInvalid(invalid)\n", "", "signature", "although no signature"),
    (S, NOTIFICATIONS, "    if not genuine:\n", "    if genuine:\n", "signature", "although no signature"),
    (S, NOTIFICATIONS, "hmac.compare_digest(expected, signature)", "hmac.compare_digest(signature, signature)", "signature", "with itself"),
    (S, NOTIFICATIONS, "hmac.compare_digest(expected, signature)", "hmac.compare_digest(expected, 'abc')", "signature", "fixed value"),
    (A, NOTIFICATIONS, "hmac.compare_digest(expected, signature)", "expected == signature", "signature", "time that tells"),
    (A, NOTIFICATIONS, "if not all(_genuine(item, keys) for item in items)", "if not items", "signature", "compares no signature"),
    (A, NOTIFICATIONS, "if not all(_genuine(item, keys) for item in items)", "if all(_genuine(item, keys) for item in items)", "signature", "although no signature"),
    (A, NOTIFICATIONS, "        return False\n    text = ", "        return True\n    text = ", "signature", "although no signature"),
    (A, NOTIFICATIONS, '        return SignatureInvalid("no usable HMAC key is configured")', "        return []", "signature", "although no signature"),
    (A, NOTIFICATIONS, '        return SignatureInvalid("the body cannot be read")', "        return []", "signature", "although no signature"),
    (S, NOTIFICATIONS, '"sha256"', '"sha1"', "hashes", "SHA1"),
    (A, NOTIFICATIONS, "hmac.digest(key, text, \"sha256\")", "hashlib.md5(key + text).digest()", "hashes", "MD5"),
    (A, NOTIFICATIONS, "base64.b64encode(", "base64.encodebytes(", "hashes", "breaks long keys"),
    # outcomes
    (S, ANSWERS, "intent.status, Outcome.UNKNOWN", "intent.status, Outcome.APPROVED", "defaults", "approved"),
    (A, ANSWERS, "result_code, Outcome.UNKNOWN", "result_code, Outcome.DECLINED", "defaults", "declined"),
    (A, NOTIFICATIONS, "item.event_code, _Kind.IGNORED", "item.event_code, _Kind.PAYMENT", "defaults", "payment"),
    (S, ANSWERS, '{"succeeded": Outcome.APPROVED', '{"succeeded": Outcome.DECLINED', "words", "takes 'succeeded' for declined"),
    (S, ANSWERS, '"processing": Outcome.PENDING', '"procesing": Outcome.PENDING', "words", "does not document"),
    (S, ANSWERS, '"processing": Outcome.PENDING', '"processing": Outcome.APPROVED', "words", "takes 'processing' for approved"),
    (S, ANSWERS, 'intent.status != "requires_capture"', 'intent.status != "require_capture"', "words", "never says"),
    (S, NOTIFICATIONS, '"refund.failed": NotificationKind.REFUND', '"refund.failed": NotificationKind.IGNORED', "words", "takes 'refund.failed' for ignored"),
    (S, NOTIFICATIONS, '"lost": NotificationKind.DISPUTE_LOST', '"lost": NotificationKind.DISPUTE_WON', "words", "takes 'lost' for dispute_won"),
    (A, NOTIFICATIONS, '"CHARGEBACK": _Kind.DISPUTE_OPENED', '"CHARGEBACK": _Kind.DISPUTE_WON', "words", "takes 'CHARGEBACK'"),
    (A, NOTIFICATIONS, '    "CAPTURE_FAILED": _Kind.CAPTURE,\n', "", "words", "CAPTURE_FAILED, which the code ignores"),
    # exceptions
    (S, ANSWERS, "    except UNREADABLE:\n        return unreadable(response)\n    return intent_result", "    except UNREADABLE:\n        return Result(outcome=Outcome.APPROVED)\n    return intent_result", "exceptions", "says approved"),
    (S, ANSWERS, "    except UNREADABLE:\n        return unreadable(response)\n    return intent_result", "    except UNREADABLE:\n        return not_sent('x')\n    return intent_result", "exceptions", "says not_sent"),
    (S, ANSWERS, "    except UNREADABLE:\n        return None\n\n\ndef customer_id", "    except Exception:\n        return None\n\n\ndef customer_id", "exceptions", "every exception"),
    (S, ANSWERS, "    except UNREADABLE:\n        return None\n\n\ndef customer_id", "    except:\n        pass\n\n\ndef customer_id", "exceptions", "every exception"),
    # loops, assertions, paths
    (A, ANSWERS, "    kind = response.headers", "    while True:\n        pass\n    kind = response.headers", "loops", "without an end"),
    (A, ANSWERS, "    kind = response.headers", "    assert response.status > 300\n    kind = response.headers", "assert", "-O"),
    (A, CONNECTOR, "{path_part(request.gateway_reference)}", "{request.gateway_reference}", "paths", "unquoted"),
    (S, CONNECTOR, 'path = f"/v1/payment_intents/{path_part(request.gateway_reference)}/capture"', 'path = "/v1/payment_intents/" + request.gateway_reference + "/capture"', "paths", "unquoted"),
    (S, CONNECTOR, 'path = f"/v1/payment_intents/{path_part(request.gateway_reference)}/capture"', 'path = "/v1/payment_intents/%s/capture" % request.gateway_reference', "paths", "unquoted"),
    (S, CONNECTOR, 'path = f"/v1/payment_intents/{path_part(request.gateway_reference)}/capture"', 'path = "/v1/payment_intents/{}/capture".format(request.gateway_reference)', "paths", "unquoted"),
    (S, HTTP, 'return value if value.isascii() and value.replace("_", "").isalnum() else quote(value, safe="", errors="replace")', "return value", "paths", "unquoted"),
    # literals
    (A, HTTP, 'path=path, headers=headers', 'path="https://checkout-test.adyen.com" + path, headers=headers', "literals", "address"),
    (A, HTTP, '"POST"', '"api.adyen.com"', "literals", "address"),
    (A, HTTP, '"POST"', '"10.1.2.3"', "literals", "address"),
    (A, HTTP, "config.credentials[\"api_key\"]", '"AQEyhmfxK4nMYhZGw0mn3Q5qf3VaY9"', "literals", "holds a key"),
    (A, HTTP, "_MAX_KEY = 64", "_MAX_KEY = 64  # try 4242 4242 4242 4242", "literals", "card number"),
    (A, HTTP, "_MAX_KEY = 64", '_MAX_KEY = 64\n_PIN = "-----BEGIN CERTIFICATE-----"', "literals", "certificate"),
    (A, HTTP, "_MAX_KEY = 64", '_MAX_KEY = 64\n_SALT = "9fK2vQ7xT1bN4mZ8cD5gH3jL6pR0sV2y"', "literals", "looks like a secret"),
    (A, "bodies.py", 'method["networkPaymentReference"] = stored.network_transaction_id', 'method["networkPaymentReference"] = stored.network_transaction_id or "none"', "literals", "placeholder"),
    (A, ANSWERS, '^\\s*([0-9A-Z]{1,3})\\b', '^(\\s*[0-9A-Z]*)*\\b', "patterns", "for ever"),
    # what is read
    (A, HTTP, 'config.credentials["api_key"]', 'config.credentials["apikey"]', "reads", "does not declare"),
    (A, NOTIFICATIONS, 'config.settings.get("merchant_account")', 'config.settings.get("merchant")', "reads", "does not declare"),
    (S, HTTP, 'config.settings.get("account")', 'config.settings["account"]', "reads", "for granted"),
    (S, HTTP, '"idempotency-key": idempotency_key[:_MAX_KEY],', "", "reads", "idempotency-key"),
    (S, HTTP, '"stripe-version": tables.api_version,\n    }\n    if account := config.settings.get("account"):\n        headers["stripe-account"] = account\n    return HttpRequest(method="POST"', '"version": tables.api_version,\n    }\n    if account := config.settings.get("account"):\n        headers["stripe-account"] = account\n    return HttpRequest(method="POST"', "reads", "leaves out stripe-version"),
    (S, NOTIFICATIONS, 'headers.get("stripe-signature", "")', 'headers.get("signature", "")', "reads", "stripe-signature"),
    (A, ANSWERS, " or error.error_code in tables.uncertain", "", "reads", "uncertain"),
    (A, CONNECTOR, " or request.age_ms >= self._tables.resend_within_ms", "", "reads", "resend_within_ms"),
    (S, INQUIRY, "    if request.age_ms < tables.inquiry_delay_ms:", "    if not request.age_ms:", "reads", "inquiry_delay_ms"),
    (S, NOTIFICATIONS, "> tables.webhook_tolerance_ms", "> 900_000", "reads", "webhook_tolerance_ms"),
    # shape
    (A, "__init__.py", "CONNECTOR = AdyenConnector", "CONNECTORS = AdyenConnector", "connector", "exports no class"),
    (A, CONNECTOR, "def void(self", "def cancel(self", "connector", "no method void"),
    (A, CONNECTOR, "def parse_notification(\n        self, config: ConnectorConfig, headers", "def parse_notification(\n        self, headers", "connector", "arguments"),
    (A, CONNECTOR, "    def void(self", "    @staticmethod\n    def void(self", "connector", "decorated"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "check", "said"), EDITS, ids=[f"{row[4]}-{index}" for index, row in enumerate(EDITS)]
)
def test_an_edit_that_breaks_a_rule_is_found(name: str, file: str, old: str, new: str, check: str, said: str) -> None:
    findings = findings_of(edited(name, file, old, new))
    found = named(findings, check)
    assert any(said in finding.sentence() for finding in found), [each.sentence() for each in findings]
    assert all(finding.remedy for finding in findings)


def test_a_finding_names_the_line() -> None:
    package = edited("adyen", "http.py", "    headers = {", "    print(body)\n    headers = {")
    line = package.files["http.py"].decode().splitlines().index("    print(body)") + 1
    assert [finding.where for finding in named(findings_of(package), "output")] == [f"http.py:{line}"]
