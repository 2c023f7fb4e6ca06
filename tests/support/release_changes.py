"""A changed release of a built-in connector, and what both versions do in a few cases."""

from collections.abc import Callable

from tests.support.gateways import CONFIGS, PAYMENT_ID, REFERENCE, answer, follow_on, payment

from interlock.base.money import Money
from interlock.gateways.contract import HttpRequest, HttpResponse, Operation
from interlock.gateways.loader import LoadedConnector, builtin_package, load_package
from interlock.gateways.package import MANIFEST_FILE, Package
from interlock.releases.gates.observation import Trace, drive, hear

Respond = Callable[[HttpRequest, int], HttpResponse | None]
_CURRENCIES = ("usd", "jpy", "isk", "kwd")


def edited(name: str, *edits: tuple[str, str, str]) -> Package:
    """Return the built-in package with texts replaced.

    Args:
        name: the connector.
        edits: file, text as it is (must be there), text as it is to be.

    """
    files = dict(builtin_package(name).files)
    for file, old, new in edits:
        text = files[file].decode()
        assert old in text, f"{file} has no {old!r}"
        files[file] = text.replace(old, new).encode()
    return Package(files)


def with_manifest(name: str, *edits: tuple[str, str]) -> Package:
    """Return the built-in package with texts of its manifest replaced."""
    return edited(name, *((MANIFEST_FILE, old, new) for old, new in edits))


def traces(package: Package, *, also: tuple[str, ...] = ()) -> list[Trace]:
    """Return what the Stripe or Adyen connector in ``package`` does in a few cases.

    Args:
        package: the version.
        also: more cases of sales, by name.

    """
    loaded = load_package(package)
    config = CONFIGS[loaded.name]
    found = [
        drive(loaded, config, Operation.SALE, payment(amount=Money(1500, currency)), _respond(loaded), currency)
        for currency in _CURRENCIES
    ]
    found += [drive(loaded, config, Operation.SALE, payment(), _respond(loaded), case) for case in also]
    for operation in (Operation.CAPTURE, Operation.REFUND, Operation.VOID):
        found.append(drive(loaded, config, operation, follow_on(loaded.name), _respond(loaded), "usd"))
    found.append(hear(loaded, config, {}, b"{}", 0, "unsigned"))
    return found


def _respond(loaded: LoadedConnector) -> Respond:
    def respond(_request: HttpRequest, _number: int) -> HttpResponse:
        if loaded.name == "adyen":
            reference = PAYMENT_ID["adyen"]
            return answer({"pspReference": reference, "resultCode": "Refused", "refusalReasonCode": "15"})
        decline = {"code": "card_declined", "decline_code": "do_not_honor", "type": "card_error", "message": "No."}
        return answer({"error": decline}, status=402)

    return respond


__all__ = ("REFERENCE", "edited", "traces", "with_manifest")
