"""Releases of the built-in Stripe connector that can, or cannot, finish what the release before them began."""

from tests.support.certify import edited

from interlock.gateways.package import Package

_PATH = "    return value if value.isascii() and value.replace"
_DECLINE = 'new_account_information_available = "new_account_information_available"'
_FOLLOW_ON = 'intent.object != "payment_intent" or intent.id != request.gateway_reference:'
_REFUND = '            ("payment_intent", request.gateway_reference),'
_SENT_INCREMENT = """[sent.increment]
path = "/v1/payment_intents/*/increment_authorization"
format = "form"
amount = "amount"
"""
_REFERENCE = """        outcome=outcome,
        gateway_reference=intent.id,
        echo=_money(intent.amount, intent.currency, tables),"""


def with_other_words() -> Package:
    """Return a release that names things otherwise and maps a decline to another word: nothing that binds payments."""
    return edited(
        "stripe",
        (
            "manifest.toml",
            'new_account_information_available = "new_account',
            'new_account_information_available = "do_not_honor" #',
        ),
        ("http.py", "_MAX_KEY = 255\n", "_MAX_KEY = 255\n_CONTENT = _FORM\n"),
    )


def with_marked_references() -> Package:
    """Return a release that marks its references, and reads those with and without a mark: stable knows no mark."""
    return edited(
        "stripe",
        ("answers.py", _REFERENCE, _REFERENCE.replace("=intent.id", '=f"m_{intent.id}"')),
        ("http.py", _PATH, f'    value = value.removeprefix("m_")\n{_PATH}'),
        ("answers.py", _FOLLOW_ON, _FOLLOW_ON.replace("gateway_reference", 'gateway_reference.removeprefix("m_")')),
        ("connector.py", _REFUND, _REFUND.replace("gateway_reference", 'gateway_reference.removeprefix("m_")')),
    )


def that_reads_no_old_references() -> Package:
    """Return a release that marks its references and can read no others: it cannot finish what stable began."""
    return edited(
        "stripe",
        ("answers.py", _REFERENCE, _REFERENCE.replace("=intent.id", '=f"m_{intent.id}"')),
        ("http.py", _PATH, f"    value = value[2:]\n{_PATH}"),
        ("answers.py", _FOLLOW_ON, _FOLLOW_ON.replace("gateway_reference", "gateway_reference[2:]")),
        ("connector.py", _REFUND, _REFUND.replace("gateway_reference", "gateway_reference[2:]")),
    )


def that_captures_with_more_words(*announced: str) -> Package:
    """Return a release whose capture has a field more: the other one cannot send a lost one again under its key."""
    entries = ", ".join(f"{{ place = '{place}', why = 'captures are marked from now on' }}" for place in announced)
    return edited(
        "stripe",
        ("manifest.toml", 'name = "stripe"\n', f'name = "stripe"\nchanges = [{entries}]\n'),
        (
            "connector.py",
            '        pairs = [("amount_to_capture", str(amount))]',
            '        pairs = [("amount_to_capture", str(amount)), ("metadata[by]", "us")]',
        ),
    )


def without_increments() -> Package:
    """Return a release that does not claim increments any more."""
    return edited(
        "stripe",
        ("manifest.toml", '"capture", "increment", "void"', '"capture", "void"'),
        ("manifest.toml", "incremental = true", "incremental = false"),
        ("manifest.toml", '[echo.increment]\namount = "/amount"\ncurrency = "/currency"\n', ""),
        ("manifest.toml", _SENT_INCREMENT, ""),
    )
