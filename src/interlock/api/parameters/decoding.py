"""Strings to typed parameters, and the exact complaint when they do not fit.

Called by the request pipeline. The common case is one ``msgspec.convert``. Only where that fails, or where a value
needs care (an empty string, an odd number), is the struct's type walked by hand, to find the first error the way the
published API words it, or to give an empty string its meaning: unset where the field can be unset, else an error.
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import inspect

from interlock.api.forms import Form, shown
from interlock.api.parameters.base import Parameters
from interlock.base.problems import Problem, invalid
from interlock.base.redaction import scrub

T = TypeVar("T", bound=Parameters)
Path = tuple[str, ...]

_convert = msgspec.convert


def decode(kind: type[T], form: Form) -> T | Problem:
    """Return ``form`` as a ``kind``, or the first thing wrong with it."""
    if form.plain:
        try:
            return _convert(form.values, kind, strict=False)
        except msgspec.ValidationError:
            pass
    try:
        values = _read(_type_of(kind), form.values, ())
        return _convert(values, kind)
    except _Invalid as found:
        return found.problem
    except msgspec.ValidationError as error:
        return invalid(f"Invalid request: {error}")


@cache
def _type_of(kind: type[Parameters]) -> inspect.Type:
    return inspect.type_info(kind)


class _Invalid(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, message: str, path: Path, code: str | None = None) -> None:
        super().__init__(message)
        self.problem = invalid(scrub(message), code=code, param=scrub(shown(path)) or None)


def _read(kind: inspect.Type, value: Any, path: Path, extra: dict[str, Any] | None = None) -> Any:
    """Return ``value`` as ``kind`` wants it, or raise :class:`_Invalid`."""
    if isinstance(kind, inspect.Metadata):
        return _read(kind.type, value, path, kind.extra)
    if isinstance(kind, inspect.AnyType):
        return value
    for known, read in _READERS:
        if isinstance(kind, known):
            return read(kind, value, path)
    return _read_leaf(kind, value, path, extra or {})


def _read_union(kind: inspect.UnionType, value: Any, path: Path) -> Any:
    options = [option for option in kind.types if not isinstance(option, inspect.NoneType)]
    if value == "" and len(options) < len(kind.types):
        return None
    nested = [option for option in options if _is_nested(option)]
    fitting = nested if isinstance(value, (dict, list)) else [option for option in options if option not in nested]
    complaint: _Invalid | None = None
    for option in fitting or options:
        try:
            return _read(option, value, path)
        except _Invalid as found:
            complaint = complaint or found
    if complaint is None:
        raise _Invalid("Invalid value.", path)
    raise complaint


def _is_nested(kind: inspect.Type) -> bool:
    bare = kind.type if isinstance(kind, inspect.Metadata) else kind
    return isinstance(bare, (inspect.StructType, inspect.ListType, inspect.DictType))


def _read_struct(kind: inspect.StructType, value: Any, path: Path) -> Any:
    if not isinstance(value, dict):
        raise _Invalid("Invalid object", path)
    fields = {field.encode_name: field for field in kind.fields}
    refused = getattr(kind.cls, "REFUSED", {})
    if not kind.cls.__struct_config__.forbid_unknown_fields:
        value = {name: item for name, item in value.items() if name in fields}
    for name in value:
        if name not in fields:
            here = (*path, name)
            if name in refused:
                message = f"Interlock does not support the parameter: {shown(here)}. {refused[name]}".rstrip()
                raise _Invalid(message, here, "parameter_unknown")
            raise _Invalid(f"Received unknown parameter: {shown(here)}", here, "parameter_unknown")
    for name in fields:
        if name not in value and name in _required(kind.cls):
            here = (*path, name)
            raise _Invalid(f"Missing required param: {shown(here)}.", here, "parameter_missing")
    return {name: _read(fields[name].type, item, (*path, name)) for name, item in value.items()}


@cache
def _required(cls: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(cls) if field.required)


def _read_list(kind: inspect.ListType, value: Any, path: Path) -> Any:
    if value == "":
        return []
    if not isinstance(value, list):
        raise _Invalid("Invalid array", path)
    if kind.max_length is not None and len(value) > kind.max_length:
        raise _Invalid(f"Array too long: at most {kind.max_length} elements are allowed.", path)
    return [_read(kind.item_type, item, (*path, str(index))) for index, item in enumerate(value)]


def _read_map(kind: inspect.DictType, value: Any, path: Path) -> Any:
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise _Invalid("Invalid hash", path)
    if isinstance(kind.value_type, inspect.StrType):
        for name, item in value.items():
            if not isinstance(item, str):
                raise _Invalid(
                    f"Metadata values must be strings, but for key '{name}' you passed in a value of type hash.",
                    (*path, name),
                )
    return value


def _read_leaf(kind: inspect.Type, value: Any, path: Path, extra: dict[str, Any]) -> Any:
    if not isinstance(value, str):
        raise _Invalid(f"Invalid {_NOUNS.get(type(kind), 'string')}: {_brief(value)}", path)
    if value == "":
        spoken = shown(path)
        raise _Invalid(
            f"You passed an empty string for '{spoken}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{spoken}' cannot be unset. You should remove '{spoken}' from your request or supply a non-empty "
            "value.",
            path,
            "parameter_invalid_empty",
        )
    if isinstance(kind, inspect.IntType):
        return _read_integer(kind, value, path)
    if isinstance(kind, inspect.BoolType):
        known = _BOOLEANS.get(value.lower())
        if known is None:
            raise _Invalid(f"Invalid boolean: {_brief(value)}", path)
        return known
    if isinstance(kind, inspect.LiteralType):
        if value not in kind.values:
            reason = f". {extra['reason']}" if "reason" in extra else ""
            raise _Invalid(f"Invalid {shown(path)}: must be {_one_of(kind.values)}{reason}", path)
        return value
    if isinstance(kind, inspect.FloatType):
        return _read_decimal(value, path)
    if isinstance(kind, inspect.StrType):
        return _read_text(kind, value, path, extra)
    return value


_READERS: tuple[tuple[type[inspect.Type], Callable[[Any, Any, Path], Any]], ...] = (
    (inspect.UnionType, _read_union),
    (inspect.StructType, _read_struct),
    (inspect.ListType, _read_list),
    (inspect.DictType, _read_map),
)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_NOUNS: dict[type[inspect.Type], str] = {inspect.IntType: "integer", inspect.BoolType: "boolean"}


def _read_integer(kind: inspect.IntType, value: str, path: Path) -> int:
    digits = value[1:] if value[:1] == "-" else value
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise _Invalid(f"Invalid integer: {_brief(value)}", path, "parameter_invalid_integer")
    number = int(value)
    if kind.ge is not None and number < kind.ge:
        raise _Invalid(f"This value must be greater than or equal to {kind.ge}.", path, "parameter_invalid_integer")
    if kind.le is not None and number > kind.le:
        raise _Invalid(f"This value must be less than or equal to {kind.le}.", path, "parameter_invalid_integer")
    return number


def _read_decimal(value: str, path: Path) -> float:
    try:
        number = float(value)
    except ValueError:
        raise _Invalid(f"Invalid decimal: {_brief(value)}", path) from None
    if number - number != 0:
        raise _Invalid(f"Invalid decimal: {_brief(value)}", path)
    return number


def _read_text(kind: inspect.StrType, value: str, path: Path, extra: dict[str, Any]) -> str:
    if kind.max_length is not None and len(value) > kind.max_length:
        raise _Invalid(f"Invalid string: {_brief(value)}; must be at most {kind.max_length} characters", path)
    if kind.pattern is not None and not _matches(kind, value):
        check = extra.get("check")
        if check == "currency":
            raise _Invalid(f"Invalid currency: {_brief(value)}. It must be a three-letter ISO currency code.", path)
        if check == "email":
            raise _Invalid(f"Invalid email address: {_brief(value)}", path, "email_invalid")
        if check == "url":
            raise _Invalid("Not a valid URL", path, "url_invalid")
        raise _Invalid(f"Invalid string: {_brief(value)}", path)
    return value


def _matches(kind: inspect.StrType, value: str) -> bool:
    try:
        _convert(value, _pattern(kind.pattern or ""))
    except msgspec.ValidationError:
        return False
    return True


@cache
def _pattern(pattern: str) -> Any:
    return Annotated[str, msgspec.Meta(pattern=pattern)]


def _brief(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."


def _one_of(values: tuple[Any, ...]) -> str:
    words = [str(value) for value in values]
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return f"{words[0]} or {words[1]}"
    return f"one of {', '.join(words[:-1])}, or {words[-1]}"
