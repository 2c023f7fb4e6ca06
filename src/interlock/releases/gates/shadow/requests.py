"""A connector's request to what a recording keeps of it, and back. Pure."""

from typing import Any

import msgspec

from interlock.gateways.contract import (
    CompleteRequest,
    FollowOnRequest,
    InquireRequest,
    PaymentRequest,
)
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.shadow.stand_ins import instrument_of
from interlock.releases.gates.shadow.types import RecordedRequest, Shape


def _fields_of(struct: type[msgspec.Struct], without: str) -> type[msgspec.Struct]:
    """Return a struct of the fields of ``struct`` without one that cannot be decoded by itself."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(struct):
        if field.name == without:
            continue
        if field.required:
            fields.append((field.name, field.type))
        elif field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        else:
            fields.append((field.name, field.type, msgspec.field(default_factory=field.default_factory)))
    return msgspec.defstruct(f"{struct.__name__}Fields", fields, kw_only=True, frozen=True)


_PAYMENT = _fields_of(PaymentRequest, "instrument")
_INQUIRE = _fields_of(InquireRequest, "original")


def recorded(request: OperationRequest, shape: Shape | None) -> RecordedRequest:
    """Return what is kept of ``request``; ``shape`` is that of its instrument, or of its original's."""
    if isinstance(request, InquireRequest):
        original = None if request.original is None else recorded(request.original, shape)
        return RecordedRequest(kind="inquire", fields=_plain(request, "original"), original=original)
    if isinstance(request, PaymentRequest):
        return RecordedRequest(kind="payment", fields=_plain(request, "instrument"), instrument=shape)
    kind = "complete" if isinstance(request, CompleteRequest) else "follow_on"
    return RecordedRequest(kind=kind, fields=_plain(request, ""))  # type: ignore[arg-type]  # of two words


def restored(kept: RecordedRequest) -> OperationRequest:
    """Return the request again, with a stand-in for its instrument.

    Raises:
        msgspec.ValidationError: the fields are no such request's.

    """
    if kept.kind == "payment":
        if kept.instrument is None:
            raise msgspec.ValidationError("a payment without an instrument")
        fields = msgspec.structs.asdict(msgspec.convert(kept.fields, _PAYMENT))
        return PaymentRequest(instrument=instrument_of(kept.instrument), **fields)
    if kept.kind == "inquire":
        fields = msgspec.structs.asdict(msgspec.convert(kept.fields, _INQUIRE))
        original = None if kept.original is None else restored(kept.original)
        if isinstance(original, InquireRequest):
            raise msgspec.ValidationError("an inquiry about an inquiry")
        return InquireRequest(original=original, **fields)
    if kept.kind == "complete":
        return msgspec.convert(kept.fields, CompleteRequest)
    return msgspec.convert(kept.fields, FollowOnRequest)


def _plain(request: OperationRequest, without: str) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(type(request)):
        value = getattr(request, field.name)
        if field.name == without or (not field.required and value == _default(field)):
            continue
        found[field.name] = msgspec.to_builtins(value)
    return found


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
