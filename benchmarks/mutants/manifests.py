"""The family ``manifest``: one wrong fact each in ``manifest.toml``, over every part of it.

The changes are made from what the manifest holds, so that a new provider, table or code gets its mutants by itself.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from benchmarks.mutants.mutant import Draft
from benchmarks.mutants.toml_edits import Edit, edited

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Method, Network
from interlock.gateways.package import MANIFEST_FILE, Package

Plain = Mapping[str, Any]
_OUTCOMES = {
    "approved": ("declined", "pending", "unknown"),
    "declined": ("approved", "refused", "unknown"),
    "challenge": ("approved", "unknown"),
    "pending": ("approved", "declined"),
    "refused": ("unknown", "declined", "approved"),
    "unknown": ("refused", "declined", "approved"),
}
_DECLINES = ("fraudulent", "insufficient_funds", "try_again_later")
_CURRENCIES = {"jpy": 2, "krw": 2, "usd": 0, "eur": 3, "kwd": 2, "bhd": 2, "clp": 0, "huf": 0, "twd": 0, "ugx": 0}
_HOUR_MS = 3_600_000


def manifest_drafts(package: Package) -> Iterator[Draft]:
    """Yield every change of ``package``'s manifest, table by table; a manifest that is no TOML last."""
    text = package.manifest.decode()
    plain = tomllib.loads(text)
    for part in _PARTS:
        for edit in part(plain):
            changed = edited(text, edit)
            if changed != text:
                place = ".".join(edit.path)
                yield Draft(file=MANIFEST_FILE, place=place, operator=edit.operator, content=changed.encode())
    yield _broken("cut_short", text[: text.index('= "') + 3])
    yield _broken("key_twice", text.replace("\ncontract_version = 1\n", "\ncontract_version = 1\n" * 2, 1))
    yield Draft(file=MANIFEST_FILE, place="(file)", operator="file_empty", content=b"")


def _broken(operator: str, text: str) -> Draft:
    return Draft(file=MANIFEST_FILE, place="(file)", operator=operator, content=text.encode(), unparsable=True)


def _set(path: Iterable[str], operator: str, value: Any) -> Edit:
    return Edit(path=tuple(path), operator=operator, action="set", value=value)


def _remove(*path: str) -> Edit:
    return Edit(path=path, operator="removed", action="remove")


def _head(plain: Plain) -> Iterator[Edit]:
    yield _set(["contract_version"], "changed", plain["contract_version"] + 1)
    yield _set(["contract_version"], "changed", 0)
    yield _set(["api_version"], "older", "v51" if plain["api_version"].startswith("v") else "2019-02-19")
    yield _set(["api_version"], "typo", plain["api_version"][:-1])
    yield _set(["name"], "changed", "another")
    for key in ("name", "title", "documentation", "contract_version", "api_version", "request_id_header"):
        if key in plain:
            yield _remove(key)
    yield _set(["request_id_header"], "typo", "x-request-identification")
    yield _set(["unknown_field"], "added", "value")


def _hosts(plain: Plain) -> Iterator[Edit]:
    for mode, other in (("live", "test"), ("test", "live")):
        path = ("hosts", mode, "base_url")
        url: str = plain["hosts"][mode]["base_url"]
        host = url.removeprefix("https://").partition("/")[0]
        middle = host.rindex(".") - 2
        typo = host[:middle] + host[middle + 1] + host[middle] + host[middle + 2 :]
        yield _set(path, "of_the_other_mode", plain["hosts"][other]["base_url"])
        yield _set(path, "typo", url.replace(host, typo))
        yield _set(path, "other_domain", url.replace(".com", ".co"))
        yield _set(path, "not_encrypted", url.replace("https://", "http://"))
        yield _set(path, "scheme_typo", url.replace("https://", "hhtps://"))
        yield _set(path, "path_changed", f"{url}/v1")
        yield _set(path, "path_lost", f"https://{host}")
        yield _set(path, "final_slash", f"{url}/")
        yield _set(path, "with_user", url.replace("https://", "https://user@"))
        yield _set(path, "port_added", url.replace(host, f"{host}:8443"))
        yield _set(path, "local", "https://localhost:4242")
        yield _set(path, "foreign", "https://api.example.com")
        yield _set(path, "setting_unknown", url.replace("https://", "https://{region}."))
        if "{" in url:
            yield _set(path, "setting_lost", url.replace("{live_prefix}-", ""))
        yield _set(path, "empty", "")
    yield _set(("hosts", "test_override"), "changed", not plain["hosts"].get("test_override", False))


def _auth(plain: Plain) -> Iterator[Edit]:
    scheme = plain["auth"]["scheme"]
    yield _set(("auth", "scheme"), "swapped", "header" if scheme == "bearer" else "bearer")
    yield _set(("auth", "scheme"), "unknown", "basic")
    yield _set(("auth", "header"), "typo", "x-apikey")
    yield _set(("auth", "header"), "swapped", "x-api-key" if scheme == "bearer" else "authorization")
    for name in (*plain["credentials"], "nothing"):
        yield _set(("auth", "credential"), f"is_{name}", name)


def _credentials(plain: Plain) -> Iterator[Edit]:
    for name, entry in plain["credentials"].items():
        path = ("credentials", name)
        yield Edit(path=path, operator="removed", action="table")
        yield _set((*path, "required"), "changed", not entry.get("required", True))
        yield from _pattern((*path, "pattern"), entry)
        if "live_prefixes" in entry:
            live, test = entry["live_prefixes"], entry["test_prefixes"]
            yield _set((*path, "live_prefixes"), "of_the_other_mode", test)
            yield _set((*path, "test_prefixes"), "of_the_other_mode", live)
            yield _remove(*path, "live_prefixes")
            yield _remove(*path, "test_prefixes")
            for key, prefixes in (("live_prefixes", live), ("test_prefixes", test)):
                for prefix in prefixes:
                    yield Edit(path=(*path, key), operator="dropped", action="drop", value=prefix)
            yield Edit(path=(*path, "live_prefixes"), operator="appended", action="append", value=test[0])
            yield Edit(path=(*path, "test_prefixes"), operator="appended", action="append", value=live[0])


def _settings(plain: Plain) -> Iterator[Edit]:
    for name, entry in plain.get("settings", {}).items():
        path = ("settings", name)
        yield Edit(path=path, operator="removed", action="table")
        for required in ([], ["live"], ["test"], ["live", "test"]):
            if required != entry.get("required_in", []):
                yield _set((*path, "required_in"), f"is_{'_'.join(required) or 'nothing'}", required)
        yield _set((*path, "default"), "added", "InterlockDefault")
        yield from _pattern((*path, "pattern"), entry)
    yield _set(("settings", "region", "title"), "added", "region")


def _pattern(path: tuple[str, ...], entry: Plain) -> Iterator[Edit]:
    yield _set(path, "too_narrow", "[a-z]{3}")
    yield _set(path, "no_expression", "[a-z")
    if "pattern" in entry:
        yield _remove(*path)
        yield _set(path, "too_wide", ".*")


def _capabilities(plain: Plain) -> Iterator[Edit]:
    able = plain["capabilities"]
    known = {
        "operations": [operation.value for operation in Operation],
        "networks": get_args(Network),
        "methods": get_args(Method),
        "stored_credentials": ("customer", "merchant"),
        "asynchronous_operations": [operation.value for operation in Operation],
    }
    for key, words in known.items():
        claimed = able.get(key, ["card"] if key == "methods" else [])
        path = ("capabilities", key)
        for word in words:
            if word in claimed and key in able:
                yield Edit(path=path, operator=f"without_{word}", action="drop", value=word)
            elif word not in claimed:
                yield _set(path, f"with_{word}", [*claimed, word])
    for key in ("partial_capture", "multicapture", "incremental", "partial_refund", "multiple_refunds"):
        yield _set(("capabilities", key), "changed", not able.get(key, False))
    for key in ("three_d_secure", "network_transaction_id"):
        yield _set(("capabilities", key), "changed", not able.get(key, False))
    for word in ("retrieve", "resend", "retrieve_and_resend", "none"):
        yield _set(("capabilities", "inquiry"), f"is_{word}", word)


def _challenge(plain: Plain) -> Iterator[Edit]:
    path = ("challenge", "return_parameters")
    named = plain.get("challenge", {}).get("return_parameters")
    if named is None:
        yield _set(path, "added", ["redirectResult"])
        return
    for word in named:
        yield Edit(path=path, operator="dropped", action="drop", value=word)
    yield _set(path, "typo", [word.lower() for word in named])
    yield _remove(*path)


def _times(plain: Plain) -> Iterator[Edit]:
    for key, value in plain["timeouts"].items():
        path = ("timeouts", key)
        yield _set(path, "times_100", value * 100)
        yield _set(path, "over_100", value // 100)
        yield _set(path, "zero", 0)
        yield _set(path, "in_seconds", value // 1000)
        yield _remove(*path)
    for key, values in {
        "requests": (1, 20),
        "request_bytes": (1024, 1_048_576),
        "response_bytes": (1024, 8_388_608),
    }.items():
        for value in values:
            yield _set(("limits", key), "changed", value)
    delays = plain["retry"]["inquiry_delays_ms"]
    yield _set(("retry", "inquiry_delays_ms"), "none", [])
    yield _set(("retry", "inquiry_delays_ms"), "storm", [100])
    yield _set(("retry", "inquiry_delays_ms"), "late", [24 * _HOUR_MS])
    yield _set(("retry", "inquiry_delays_ms"), "in_seconds", [delay // 1000 for delay in delays])
    for key in ("rate_limit_codes", "never_retry_declines"):
        for word in plain["retry"].get(key, ()):
            yield Edit(path=("retry", key), operator=f"without_{word}", action="drop", value=word)


def _idempotency(plain: Plain) -> Iterator[Edit]:
    retention = plain["idempotency"]["retention_ms"]
    path = ("idempotency", "retention_ms")
    yield _set(path, "times_100", retention * 100)
    yield _set(path, "times_2", retention * 2)
    yield _set(path, "over_100", retention // 100)
    yield _set(path, "zero", 0)
    yield _set(path, "in_seconds", retention // 1000)
    for name in ("x-idempotency-key", "idempotency-token", ""):
        yield _set(("idempotency", "header"), f"is_{name or 'empty'}", name)
    for length in (16, 8, 1000):
        yield _set(("idempotency", "key_max_length"), f"is_{length}", length)
    delay = plain.get("inquiry", {}).get("consistency_delay_ms", 0)
    for value in sorted({0, delay * 100, delay // 100, 24 * _HOUR_MS} - {delay}):
        yield _set(("inquiry", "consistency_delay_ms"), f"is_{value}", value)


def _statuses(plain: Plain) -> Iterator[Edit]:
    for group, words in plain["codes"]["statuses"].items():
        path = ("codes", "statuses", group)
        for word, outcome in words.items():
            for other in _OUTCOMES[outcome]:
                yield _set((*path, word), f"is_{other}", other)
            yield _remove(*path, word)
            yield Edit(path=(*path, word), operator="typo", action="rename", value=f"{word[:-1]}_")
        yield Edit(path=path, operator="removed", action="table")


def _codes(plain: Plain) -> Iterator[Edit]:
    for raw, word in plain["codes"]["declines"].items():
        path = ("codes", "declines", raw)
        yield _remove(*path)
        yield _set(path, "other_word", next(other for other in _DECLINES if other != word))
        yield _set(path, "typo", f"{word}s")
    for key, other in (("refusals", "uncertain"), ("uncertain", "refusals")):
        for code in plain["codes"].get(key, ()):
            yield Edit(path=("codes", key), operator=f"without_{code}", action="drop", value=code)
            if other in plain["codes"]:
                yield Edit(path=("codes", other), operator=f"with_{code}", action="append", value=code)
        for code in ("rate_limit", "api_error", "000", "010"):
            yield _set(("codes", key), f"with_{code}", [*plain["codes"].get(key, ()), code])


def _currencies(plain: Plain) -> Iterator[Edit]:
    money = plain["currencies"]
    for currency, exponent in money["exponents"].items():
        path = ("currencies", "exponents", currency)
        yield _remove(*path)
        for other in sorted({0, 2, 3} - {exponent}):
            yield _set(path, f"is_{other}", other)
    for currency, exponent in _CURRENCIES.items():
        if currency not in money["exponents"]:
            yield _set(("currencies", "exponents", currency), "added", exponent)
    for currency, multiple in money.get("multiples", {}).items():
        yield _remove("currencies", "multiples", currency)
        yield _set(("currencies", "multiples", currency), "changed", multiple * 10)
    for currency in ("usd", "isk"):
        yield _set(("currencies", "multiples"), f"of_{currency}", {**money.get("multiples", {}), currency: 100})
    yield _set(("currencies", "unsupported"), "added", ["eur"])
    yield _remove("currencies", "exponents")


def _webhook(plain: Plain) -> Iterator[Edit]:
    webhook = plain["webhook"]
    yield Edit(path=("webhook",), operator="removed", action="table")
    yield _set(("webhook", "scheme"), "swapped", "adyen_hmac" if webhook["scheme"] == "stripe_v1" else "stripe_v1")
    for name in (*plain["credentials"], "nothing"):
        yield _set(("webhook", "credential"), f"is_{name}", name)
    yield _set(("webhook", "signature_header"), "typo", "x-signature")
    if "signature_header" in webhook:
        yield _remove("webhook", "signature_header")
    for tolerance in sorted({0, 1_000, _HOUR_MS} - {webhook.get("tolerance_ms", 0)}):
        yield _set(("webhook", "tolerance_ms"), f"is_{tolerance}", tolerance)
    yield _set(("webhook", "acknowledge_body"), "changed", "OK")
    for name in webhook["subscriptions"]:
        yield Edit(path=("webhook", "subscriptions"), operator=f"without_{name}", action="drop", value=name)
    yield _set(("webhook", "subscriptions"), "none", [])


def _pointers(plain: Plain) -> Iterator[Edit]:
    for table in ("echo", "sent"):
        for operation, entry in plain.get(table, {}).items():
            path = (table, operation)
            yield Edit(path=path, operator="removed", action="table")
            for key, value in entry.items():
                yield from _pointer((*path, key), value)
            if table == "echo":
                yield _set((*path, "cumulative"), "changed", not entry.get("cumulative", False))
                if "captured" not in entry:
                    yield _set((*path, "captured"), "added", "/amount_received")


def _pointer(path: tuple[str, ...], value: Any) -> Iterator[Edit]:
    if not isinstance(value, str):
        return
    yield _remove(*path)
    yield _set(path, "typo", f"{value[:-1]}_")
    other = {"amount": "currency", "currency": "amount", "captured": "currency"}.get(path[-1])
    if other:
        yield _set(path, "wrong_place", value.replace(path[-1], other) if path[-1] in value else f"{value}/{other}")
    if path[-1] in {"amount", "captured"} and value.startswith("/"):
        swap = {"/amount": "/amount_capturable", "/amount_received": "/amount"}
        yield _set(path, "other_amount", swap.get(value, "/amount"))
    if path[-1] == "format":
        yield _set(path, "swapped", "json" if value == "form" else "form")


_PARTS = (
    _head,
    _hosts,
    _auth,
    _credentials,
    _settings,
    _capabilities,
    _challenge,
    _times,
    _idempotency,
    _statuses,
    _codes,
    _currencies,
    _webhook,
    _pointers,
)
