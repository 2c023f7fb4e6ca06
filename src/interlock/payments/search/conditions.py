"""A search query as SQL conditions over allowed fields. Pure."""

from collections.abc import Mapping

from interlock.base.problems import Problem, invalid
from interlock.payments.search.fields import Field
from interlock.payments.search.query import MAX_DIGITS, MIN_SUBSTRING, Clause, Query

_SECOND_MS = 1_000
_FLAGS = {"true": True, "false": False}


class Arguments:
    """Values of a statement, numbered as they are added."""

    def __init__(self, *first: object) -> None:
        """Start with the statement's own arguments."""
        self.values: list[object] = list(first)

    def add(self, value: object) -> str:
        """Return the placeholder of ``value``."""
        self.values.append(value)
        return f"${len(self.values)}"


def to_sql(query: Query, fields: Mapping[str, Field], kind: str, arguments: Arguments) -> str | Problem:
    """Return the condition that ``query`` means; its values go to ``arguments``.

    Args:
        query: what is searched for.
        fields: what may be named.
        kind: the objects, in words, for messages (``payment intents``).
        arguments: where values are numbered.

    """
    parts: list[str] = []
    for clause in query.clauses:
        field = fields.get(clause.field)
        if field is None or (clause.key is not None) != (field.type == "pairs"):
            return _problem(
                f"Field `{clause.field}` is an unsupported search field for resource `{kind}`. "
                f"Supported are: {', '.join(sorted(fields))}."
            )
        part = _condition(clause, field, arguments)
        if isinstance(part, Problem):
            return part
        parts.append(f"NOT coalesce({part}, false)" if clause.negated else f"({part})")
    return f"({f' {query.joint} '.join(parts)})"


def _condition(clause: Clause, field: Field, arguments: Arguments) -> str | Problem:
    if field.type == "pairs":
        return _text(clause, Field(f"(metadata->>{arguments.add(clause.key)}::text)", "text", field.fuzzy), arguments)
    if clause.is_null:
        return f"{field.sql} IS NULL" if clause.operator == ":" else _wrong_operator(clause)
    if field.type == "text":
        return _text(clause, field, arguments)
    if field.type == "flag":
        flag = _FLAGS.get(clause.value.lower())
        if flag is None or clause.operator != ":":
            return _problem(f"Field `{clause.field}` is true or false and can only be asked with ':'.")
        return f"{field.sql} = {arguments.add(flag)}::boolean"
    return _number(clause, field, arguments)


def _text(clause: Clause, field: Field, arguments: Arguments) -> str | Problem:
    if clause.is_null:
        return f"{field.sql} IS NULL" if clause.operator == ":" else _wrong_operator(clause)
    if clause.operator == ":":
        return f"lower({field.sql}) = lower({arguments.add(clause.value)}::text)"
    if clause.operator != "~" or not field.fuzzy:
        return _wrong_operator(clause)
    if len(clause.value) < MIN_SUBSTRING:
        return _problem(f"A substring needs at least {MIN_SUBSTRING} characters.")
    return f"strpos(lower({field.sql}), lower({arguments.add(clause.value)}::text)) > 0"


def _number(clause: Clause, field: Field, arguments: Arguments) -> str | Problem:
    if clause.operator == "~":
        return _wrong_operator(clause)
    digits = clause.value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS // 2 + 3):
        return _problem(f"Field `{clause.field}` is compared with a whole number, not with '{clause.value[:40]}'.")
    number = int(clause.value)
    if field.type != "seconds":
        return f"{field.sql} {'=' if clause.operator == ':' else clause.operator} {arguments.add(number)}::bigint"
    begins, ends = number * _SECOND_MS, (number + 1) * _SECOND_MS
    if clause.operator == ":":
        return f"{field.sql} >= {arguments.add(begins)}::bigint AND {field.sql} < {arguments.add(ends)}::bigint"
    bound = ends if clause.operator in {">", "<="} else begins
    return f"{field.sql} {'>=' if clause.operator in {'>', '>='} else '<'} {arguments.add(bound)}::bigint"


def _wrong_operator(clause: Clause) -> Problem:
    return _problem(f"Operator '{clause.operator}' cannot be used with field `{clause.field}`.")


def _problem(message: str) -> Problem:
    return invalid(message, param="query")
