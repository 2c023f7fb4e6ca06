"""Small edits of the connectors that came with this version: releases that break one thing, as their authors did."""

import re

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import MANIFEST_FILE, Package


def edited(name: str, *edits: tuple[str, str, str], manifest: str = "") -> Package:
    """Return the built-in package ``name`` with (file, old text, new text) exchanged and ``manifest`` put on top."""
    files = dict(builtin_package(name).files)
    for file, old, new in edits:
        text = files[file].decode()
        assert text.count(old) == 1, f"{file} has {text.count(old)} places like {old!r}"
        files[file] = text.replace(old, new).encode()
    if manifest:
        # Keys of the document itself stand before its first table.
        files[MANIFEST_FILE] = re.sub(rb"(?m)^\[", manifest.encode() + b"\n\n[", files[MANIFEST_FILE], count=1)
    return Package(files)


def announcing(*places: str, operation: str | None = None) -> str:
    """Return the lines of a manifest that announce a difference at each of ``places``."""
    only = "" if operation is None else f', operation = "{operation}"'
    entries = [f"{{ place = '{place}', why = 'wanted by the shop'{only} }}" for place in places]
    return f"changes = [{', '.join(entries)}]"


def renamed(name: str) -> Package:
    """Return a release that does what the built-in one does, by other means."""
    files = dict(builtin_package(name).files)
    files["answers.py"] = files["answers.py"].replace(b"_GENERIC", b"_NO_REASON_GIVEN")
    assert Package(files).id != builtin_package(name).id
    return Package(files)


_OUTCOME = '    outcome = tables.statuses["result_code"].get(answer.result_code, Outcome.UNKNOWN)\n'
_BY_ABSENCE = """    if b'"refusalReasonCode"' in response.body:
        outcome = Outcome.DECLINED
"""
_NETWORK_ID = """    if by_merchant and stored is not None and stored.network_transaction_id:
        method["networkPaymentReference"] = stored.network_transaction_id
"""
_PLACEHOLDER = """    if by_merchant and stored is not None:
        method["networkPaymentReference"] = stored.network_transaction_id or "none"
"""
_UNREADABLE = '    """Return ``unknown`` for an answer in no shape Adyen documents, naming its status and kind."""\n'
_ENCODED = '        body["metadata"] = metadata\n    return msgspec.json.encode(body)\n'
_DUMPED = '        body["metadata"] = metadata\n    return json.dumps(body).encode()\n'
_READ_MONEY = "from_provider(amount.value, amount.currency, tables.currency_exponents)"
_MISREAD_MONEY = 'from_provider(amount.value, amount.currency, {**tables.currency_exponents, "isk": 0})'
_HEADERS = '        "content-type": "application/json",\n'
_STORE_HEADER = '        "x-store": config.settings.get("store", ""),\n'
_LIVE_PREFIX = "[settings.live_prefix]"

FAULTS: dict[str, Package] = {
    # F004: the exponent of one currency differs where amounts are shown, not where they are sent.
    "F004": edited("adyen", ("answers.py", _READ_MONEY, _MISREAD_MONEY)),
    # F009: the currencies in which the provider differs are not looked at any more.
    "F009": edited(
        "adyen", ("bodies.py", "to_provider(money, tables.currency_exponents)", "to_provider(money, dict[str, int]())")
    ),
    # F037: another library writes the same document in other bytes.
    "F037": edited("adyen", ("bodies.py", "import re\n", "import json\nimport re\n"), ("bodies.py", _ENCODED, _DUMPED)),
    # F038: a new field, empty for every account that was configured before there was such a setting.
    "F038": edited(
        "adyen",
        ("manifest.toml", _LIVE_PREFIX, f'[settings.store]\ntitle = "store"\n\n{_LIVE_PREFIX}'),
        ("http.py", _HEADERS, _HEADERS + _STORE_HEADER),
        manifest=announcing("request header x-store"),
    ),
    # F045: success is what carries no reason of refusal.
    "F045": edited("adyen", ("answers.py", _OUTCOME, _OUTCOME + _BY_ABSENCE)),
    # F052: a word instead of the network transaction id that is not there.
    "F052": edited("adyen", ("bodies.py", _NETWORK_ID, _PLACEHOLDER)),
    # F087: the second line of the street is lost.
    "F087": edited("stripe", ("forms.py", '"line1", "line2", "postal_code"', '"line1", "postal_code"')),
    # F102: a parser that cannot read what the gateway sends while it is ill; the innocent one can.
    "F102": edited("adyen", ("answers.py", _UNREADABLE, f"{_UNREADABLE}    PAYMENT.decode(response.body)\n")),
}
