"""The schema rules (design section 7, rules 1 to 4) as functions from SQL text to breaches.

``lint_schema`` reads migrations, ``lint_query`` everything that runs later. Both parse with Postgres's own parser, so
that spelling, case and layout do not matter. A breach is one sentence.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import pglast
from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, ConstrType, LockWaitPolicy, SQLValueFunctionOp

KEY_COLUMNS_MAX = 8
_SCHEMA_STATEMENTS = (
    ast.CreateStmt,
    ast.CreateDomainStmt,
    ast.IndexStmt,
    ast.AlterTableStmt,
    ast.DropStmt,
    ast.ViewStmt,
    ast.CommentStmt,
    ast.RenameStmt,
    ast.InsertStmt,
    ast.UpdateStmt,
    ast.DeleteStmt,
    ast.SelectStmt,
)
_QUERY_STATEMENTS = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_SERIAL_TYPES = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}
_FORBIDDEN_FUNCTIONS = {
    "now": "timestamps come in as parameters",
    "clock_timestamp": "timestamps come in as parameters",
    "statement_timestamp": "timestamps come in as parameters",
    "transaction_timestamp": "timestamps come in as parameters",
    "timeofday": "timestamps come in as parameters",
    "random": "randoms come in as parameters",
    "random_normal": "randoms come in as parameters",
    "setseed": "randoms come in as parameters",
    "gen_random_uuid": "ids come in as parameters",
    "gen_random_bytes": "randoms come in as parameters",
    "uuidv4": "ids come in as parameters",
    "uuidv7": "ids come in as parameters",
    "nextval": "there are no sequences",
    "currval": "there are no sequences",
    "lastval": "there are no sequences",
    "setval": "there are no sequences",
}
_TIME_VALUES = {
    SQLValueFunctionOp.SVFOP_CURRENT_DATE,
    SQLValueFunctionOp.SVFOP_CURRENT_TIME,
    SQLValueFunctionOp.SVFOP_CURRENT_TIME_N,
    SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP,
    SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP_N,
    SQLValueFunctionOp.SVFOP_LOCALTIME,
    SQLValueFunctionOp.SVFOP_LOCALTIME_N,
    SQLValueFunctionOp.SVFOP_LOCALTIMESTAMP,
    SQLValueFunctionOp.SVFOP_LOCALTIMESTAMP_N,
}


Node: TypeAlias = Any  # pglast declares every field of every node as optional: types would only be asserted away


def is_a(node: Node, kinds: type | tuple[type, ...]) -> bool:
    """Tell whether ``node`` is of one of ``kinds``, without narrowing its type."""
    return isinstance(node, kinds)


def lint_schema(sql: str, reference_tables: Mapping[str, str]) -> list[str]:
    """Return the breaches in a migration."""
    breaches: list[str] = []
    for raw in pglast.parse_sql(sql):
        statement: Node = raw.stmt
        if not is_a(statement, _SCHEMA_STATEMENTS):
            breaches.append(f"{type(statement).__name__} is not among the statements a migration may use")
            continue
        breaches += _forbidden_parts(statement)
        if is_a(statement, ast.CreateStmt):
            breaches += _table_breaches(statement, reference_tables)
        elif is_a(statement, ast.IndexStmt):
            names = [element.name for element in statement.indexParams]
            if statement.unique:
                breaches += _key_breaches(statement.relation.relname, names, "unique index", reference_tables)
        elif is_a(statement, ast.AlterTableStmt):
            breaches += _alter_breaches(statement, reference_tables)
        elif is_a(statement, _QUERY_STATEMENTS):
            breaches += _filter_breaches(statement, reference_tables)
    return breaches


def lint_query(sql: str, reference_tables: Mapping[str, str]) -> list[str]:
    """Return the breaches in a statement that runs after migration."""
    breaches: list[str] = []
    for raw in pglast.parse_sql(sql):
        statement: Node = raw.stmt
        if not is_a(statement, _QUERY_STATEMENTS):
            breaches.append(f"{type(statement).__name__} is not among the statements a query may use")
            continue
        breaches += _forbidden_parts(statement)
        breaches += _filter_breaches(statement, reference_tables)
    return breaches


def tables_of(sql: str) -> list[str]:
    """Return the tables that a migration creates."""
    statements: list[Node] = [raw.stmt for raw in pglast.parse_sql(sql)]
    return [statement.relation.relname for statement in statements if is_a(statement, ast.CreateStmt)]


# Rules 1 and 2: keys


def _table_breaches(statement: Node, reference_tables: Mapping[str, str]) -> list[str]:
    table = statement.relation.relname
    breaches: list[str] = []
    has_key = False
    columns = [element for element in statement.tableElts or () if is_a(element, ast.ColumnDef)]
    for column, constraint in _constraints(statement.tableElts or ()):
        has_key = has_key or constraint.contype == ConstrType.CONSTR_PRIMARY
        breaches += _constraint_breaches(table, column, constraint, reference_tables)
    for column_definition in columns:
        type_name = column_definition.typeName.names[-1].sval
        if type_name in _SERIAL_TYPES:
            breaches.append(f"{table}.{column_definition.colname} is {type_name}: there are no sequences")
    if not has_key:
        breaches.append(f"{table} has no primary key")
    if table not in reference_tables and "account_id" not in {column.colname for column in columns}:
        breaches.append(f"{table} has no account_id and is not a declared reference table")
    return breaches


def _constraints(elements: Iterable[Any]) -> Iterator[tuple[str | None, Node]]:
    for element in elements:
        if is_a(element, ast.ColumnDef):
            for constraint in element.constraints or ():
                yield element.colname, constraint
        elif is_a(element, ast.Constraint):
            yield None, element


def _alter_breaches(statement: Node, reference_tables: Mapping[str, str]) -> list[str]:
    table = statement.relation.relname
    breaches: list[str] = []
    for command in statement.cmds:
        for column, constraint in _constraints([command.def_] if hasattr(command, "def_") else []):
            breaches += _constraint_breaches(table, column, constraint, reference_tables)
    return breaches


def _constraint_breaches(
    table: str, column: str | None, constraint: Node, reference_tables: Mapping[str, str]
) -> list[str]:
    kind = constraint.contype
    if kind == ConstrType.CONSTR_IDENTITY:
        return [f"{table}.{column} is an identity column: there are no sequences"]
    if kind in {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE}:
        names = [key.sval for key in constraint.keys or ()] or [column or ""]
        word = "primary key" if kind == ConstrType.CONSTR_PRIMARY else "unique constraint"
        return _key_breaches(table, names, word, reference_tables)
    if kind == ConstrType.CONSTR_EXCLUSION:
        return [f"{table} has an exclusion constraint, which a distributed engine cannot keep"]
    if kind == ConstrType.CONSTR_FOREIGN:
        target = constraint.pktable.relname
        names = [key.sval for key in constraint.fk_attrs or ()] or [column or ""]
        if target not in reference_tables and names[0] != "account_id":
            return [f"{table} has a foreign key to {target} that does not stay within one account"]
    return []


def _key_breaches(table: str, names: list[str | None], word: str, reference_tables: Mapping[str, str]) -> list[str]:
    breaches = []
    if table not in reference_tables and names[0] != "account_id":
        breaches.append(f"{table}: {word} ({', '.join(map(str, names))}) does not start with account_id")
    if len(names) > KEY_COLUMNS_MAX:
        breaches.append(f"{table}: {word} has {len(names)} columns, more than {KEY_COLUMNS_MAX}")
    return breaches


# Rule 4: what a distributed engine cannot do


def _walk(node: Node) -> Iterator[Node]:
    """Yield ``node`` and every node below it."""
    if isinstance(node, tuple | list):
        for member in node:
            yield from _walk(member)
    elif is_a(node, ast.Node):
        yield node
        for name in node:
            yield from _walk(getattr(node, name))


def _forbidden_parts(statement: Node) -> list[str]:
    breaches = []
    for node in _walk(statement):
        if is_a(node, ast.FuncCall):
            name = node.funcname[-1].sval
            if name.startswith(("pg_advisory", "pg_try_advisory")):
                breaches.append(f"{name}: leadership is a lease row, not an advisory lock")
            elif name.startswith("uuid_generate"):
                breaches.append(f"{name}: ids come in as parameters")
            elif name in _FORBIDDEN_FUNCTIONS:
                breaches.append(f"{name}: {_FORBIDDEN_FUNCTIONS[name]}")
        elif is_a(node, ast.SQLValueFunction) and node.op in _TIME_VALUES:
            breaches.append(f"{node.op.name}: timestamps come in as parameters")
        elif is_a(node, ast.GroupingSet):
            breaches.append("ROLLUP, CUBE and GROUPING SETS are not used")
        elif is_a(node, ast.MergeStmt):
            breaches.append("MERGE is not used")
    return breaches


# Rule 3: every statement filters by account


def _filter_breaches(statement: Node, reference_tables: Mapping[str, str]) -> list[str]:
    breaches: list[str] = []
    ctes = {cte.ctename for node in _walk(statement) if is_a(node, ast.WithClause) for cte in node.ctes}

    def transactional(relation: Node) -> bool:
        return relation.relname not in ctes and relation.relname not in reference_tables

    for node in _walk(statement):
        if is_a(node, ast.SelectStmt) and node.fromClause:
            unpinned = _scope_breaches(node.fromClause, node.whereClause, transactional)
            breaches += unpinned
            if unpinned and any(lock.waitPolicy == LockWaitPolicy.LockWaitSkip for lock in node.lockingClause or ()):
                breaches.append("SKIP LOCKED across accounts does not exist on a distributed engine")
        elif is_a(node, ast.UpdateStmt):
            breaches += _scope_breaches((node.relation, *(node.fromClause or ())), node.whereClause, transactional)
        elif is_a(node, ast.DeleteStmt):
            breaches += _scope_breaches((node.relation, *(node.usingClause or ())), node.whereClause, transactional)
        elif is_a(node, ast.InsertStmt) and transactional(node.relation) and not _names_account(node):
            breaches.append(f"INSERT INTO {node.relation.relname} does not name account_id")
    return breaches


def _names_account(insert: Node) -> bool:
    return "account_id" in {target.name for target in insert.cols or ()}


def _scope_breaches(sources: Iterable[Node], where: Node, transactional: Callable[[Node], bool]) -> list[str]:
    """Return a breach for each table of one FROM whose account is not pinned, directly or through a join."""
    tables: dict[str, str] = {}
    others: set[str] = set()
    conditions: list[Node] = [where] if where is not None else []
    using: list[set[str]] = []
    for source in sources:
        _collect(source, tables, others, conditions, using, transactional)
    pinned: set[str] = set()
    links: list[set[str]] = list(using)
    for left, right in _account_equalities(conditions, list(tables)):
        sides = [side for side in (left, right) if side in tables]
        if len(sides) == 2:
            links.append(set(sides))
        else:
            pinned.update(sides)
    for _ in tables:
        for link in links:
            if link & (pinned | others):
                pinned |= link
    return [f"{table} is read or written without account_id" for alias, table in tables.items() if alias not in pinned]


def _collect(
    source: Node,
    tables: dict[str, str],
    others: set[str],
    conditions: list[Node],
    using: list[set[str]],
    transactional: Callable[[Node], bool],
) -> set[str]:
    """Take in what FROM names; return its aliases."""
    if is_a(source, ast.JoinExpr):
        both = set()
        for side in (source.larg, source.rarg):
            both |= _collect(side, tables, others, conditions, using, transactional)
        if source.quals is not None:
            conditions.append(source.quals)
        if "account_id" in {name.sval for name in source.usingClause or ()}:
            using.append(both)
        return both
    if is_a(source, ast.RangeVar):
        alias = source.alias.aliasname if source.alias else source.relname
        if transactional(source):
            tables[alias] = source.relname
        else:
            others.add(alias)
        return {alias}
    alias = getattr(getattr(source, "alias", None), "aliasname", "")
    others.add(alias)
    return {alias}


def _account_equalities(conditions: Iterable[Node], aliases: list[str]) -> Iterator[tuple[str | None, str | None]]:
    """Yield what account_id is compared with: an alias for each side that is an account_id, else None."""
    for condition in conditions:
        if is_a(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
            yield from _account_equalities(condition.args, aliases)
        elif is_a(condition, ast.A_Expr) and condition.name[-1].sval == "=":
            if condition.kind in {A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_OP_ANY, A_Expr_Kind.AEXPR_IN}:
                yield from _equal_sides(condition.lexpr, condition.rexpr, aliases)
        elif is_a(condition, ast.SubLink) and condition.testexpr is not None:
            yield from _equal_sides(condition.testexpr, None, aliases)


def _equal_sides(left: Node, right: Node, aliases: list[str]) -> Iterator[tuple[str | None, str | None]]:
    if is_a(left, ast.RowExpr):
        rights = right.args if is_a(right, ast.RowExpr) else [None] * len(left.args)
        for one, other in zip(left.args, rights, strict=True):
            yield from _equal_sides(one, other, aliases)
        return
    sides = (_account_alias(left, aliases), _account_alias(right, aliases))
    if any(sides):
        yield sides


def _account_alias(node: Node, aliases: list[str]) -> str | None:
    """Return whose account_id ``node`` is; an unqualified one belongs to the only table there is."""
    if not is_a(node, ast.ColumnRef):
        return None
    fields = [getattr(field, "sval", "*") for field in node.fields]
    if fields[-1] != "account_id":
        return None
    if len(fields) > 1:
        return str(fields[-2])
    return aliases[0] if len(aliases) == 1 else None
