"""The schema keeps the rules that let it run on one Postgres, a replicated pair and a distributed one (design 7)."""

import ast as python_ast
import re
from pathlib import Path
from typing import Any

import pytest
from pglast.parser import ParseError
from pglast.visitors import referenced_relations
from tests.support.declared_tables import SOURCE, declared_tables
from tests.support.schema_lint import lint_query, lint_schema, tables_of

from interlock.base.context import Scope
from interlock.storage.composition import compose
from interlock.storage.migrations import Migration, load_migrations
from interlock.storage.packing import CLAIM, DELETE, INSERT, UPDATE, Layout, columns_of
from interlock.storage.pages import Page, page_query
from interlock.storage.queries import parse_queries
from interlock.storage.tables import Table

# Small tables of global configuration, and why they belong to no account. None so far.
REFERENCE_TABLES: dict[str, str] = {}

DISCOVERY = (
    "a worker discovers whose turn it is by a plain, bounded read; what it finds is claimed per account (rule 5)"
)
CONFIGURATION = "a process keeps all accounts' small configuration in memory; the table is tiny and read by a slow poll"
# Queries that look across accounts on purpose, as file:query, and why they may.
SCRATCH = "a certification's database is its own, made for it and dropped after it"
ACROSS_ACCOUNTS = {
    "ledger/queries.sql:latest_cutoff": "a clock is wrong for all accounts; two rows for each, read once a second",
    "payments/access/queries.sql:key_by_hash": "the key is what tells the account; the secret's hash is unguessable",
    "payments/access/queries.sql:all_accounts": CONFIGURATION,
    "payments/checkout/queries.sql:awaiting_sessions": DISCOVERY,
    "payments/checkout/queries.sql:due_sessions": DISCOVERY,
    "payments/files/queries.sql:contents_after": "key rotation walks all files in primary key order, in small batches",
    "payments/recovery/queries.sql:due_attempts": DISCOVERY,
    "payments/recovery/queries.sql:due_attempt_at": DISCOVERY,
    "payments/recovery/queries.sql:due_captures": DISCOVERY,
    "routing/queries.sql:configuration_mark": CONFIGURATION,
    "releases/gates/certify/queries.sql:attempts": SCRATCH,
    "releases/gates/certify/queries.sql:charged": SCRATCH,
    "releases/gates/certify/queries.sql:intents": SCRATCH,
    "releases/gates/certify/queries.sql:open_attempts": SCRATCH,
    "releases/gates/certify/queries.sql:posted": SCRATCH,
    "releases/gates/certify/queries.sql:setups": SCRATCH,
    "releases/gates/certify/queries.sql:waiting_notifications": SCRATCH,
    "releases/gates/certify/queries.sql:connected": "it asks the server's catalogue, and no account's rows",
    "releases/gates/certify/queries.sql:databases": "it asks the server's catalogue, and no account's rows",
    "releases/gates/certify/queries.sql:tables": "it asks the server's catalogue, and no account's rows",
    "releases/queries.sql:open_examinations": DISCOVERY,
    "releases/queries.sql:operators_by_token": "the token is what tells the account; its hash is unguessable",
    "releases/queries.sql:returning_payers": "it compares the account outside of a fence for the planner",
    "releases/queries.sql:running_trials": DISCOVERY,
    "routing/queries.sql:all_gateways": CONFIGURATION,
    "routing/queries.sql:all_pointers": CONFIGURATION,
    "routing/queries.sql:all_refusals": CONFIGURATION,
    "routing/queries.sql:beats": CONFIGURATION,
    "routing/queries.sql:credentials_after": "key rotation walks them in primary key order, in small batches",
    "routing/queries.sql:pointed_releases": CONFIGURATION,
    "routing/queries.sql:all_rules": CONFIGURATION,
    "routing/queries.sql:all_health": CONFIGURATION,
    "routing/queries.sql:keys_in_use": "key rotation asks which keys still seal anything, in every account",
    "vault/queries.sql:keys_in_use": "key rotation asks which keys still seal anything, in every account",
    "vault/queries.sql:wrapped_by_other_keys": "key rotation walks all cards in primary key order, in bounded batches",
    "webhooks/inbound/queries.sql:due": DISCOVERY,
    "webhooks/inbound/queries.sql:next_account": DISCOVERY,
    "webhooks/outbound/queries.sql:next_outbox_account": DISCOVERY,
    "webhooks/outbound/queries.sql:endpoints_with_due": DISCOVERY,
    "webhooks/outbound/queries.sql:next_delivery_account": DISCOVERY,
    "webhooks/outbound/queries.sql:endpoints_after": DISCOVERY,
}
STATEMENT = re.compile(
    r"^\s*(SELECT\b.*\bFROM\b|INSERT INTO\b|UPDATE\s+\w+.*\bSET\b|DELETE FROM\b|WITH\s+\w+\s+AS\b)", re.DOTALL
)
UNFILTERED = "without account_id"


def all_queries() -> dict[str, str]:
    found = {}
    for path in sorted(SOURCE.rglob("queries.sql")):
        name = path.relative_to(SOURCE).as_posix()
        for query, sql in parse_queries(name, path.read_text(encoding="utf-8")).items():
            found[f"{name}:{query}"] = sql
    return found


@pytest.mark.parametrize("migration", load_migrations(), ids=lambda migration: migration.name)
def test_migrations_keep_the_rules(migration: Migration) -> None:
    breaches = [breach for sql in migration.statements for breach in lint_schema(sql, REFERENCE_TABLES)]
    assert breaches == []


@pytest.mark.parametrize(("name", "sql"), all_queries().items(), ids=list(all_queries()))
def test_queries_keep_the_rules(name: str, sql: str) -> None:
    breaches = lint_query(sql, REFERENCE_TABLES)
    if name in ACROSS_ACCOUNTS:
        assert [breach for breach in breaches if UNFILTERED in breach], "it filters by account: take it off the list"
        breaches = [breach for breach in breaches if UNFILTERED not in breach]
    assert breaches == []


def test_the_list_of_exceptions_names_queries_that_exist() -> None:
    assert sorted(set(ACROSS_ACCOUNTS) - set(all_queries())) == []


def test_reference_tables_exist() -> None:
    tables = {table for migration in load_migrations() for sql in migration.statements for table in tables_of(sql)}
    assert sorted(set(REFERENCE_TABLES) - tables) == []


@pytest.mark.parametrize("table", declared_tables().values(), ids=lambda table: table.name)
def test_generated_statements_keep_the_rules(table: Table[Any]) -> None:
    statements = [table.insert_sql(), table.claim_sql(), table.update_sql(), table.delete_sql()]
    if "id" in table.names:
        query = page_query(table, Scope("acct_1", livemode=False), Page(starting_after="a", ending_before="b"), {})
        statements.append(query.sql)
    breaches = [breach for sql in statements for breach in lint_query(sql, REFERENCE_TABLES)]
    assert breaches == []


@pytest.mark.parametrize("varied", [0, -1], ids=["one value for all rows", "a value for each row"])
def test_a_composed_flush_over_every_table_keeps_the_rules(varied: int) -> None:
    layouts = []
    for kind in (CLAIM, UPDATE, INSERT, DELETE):
        for table in declared_tables().values():
            every = (1 << len(columns_of(table, kind))) - 1
            layouts.append(Layout(table, kind, named=every, varied=every & varied))
    assert lint_query(compose(tuple(layouts)).sql, REFERENCE_TABLES) == []


def sql_texts(path: Path) -> list[str]:
    """Return the string constants of a module that are statements on a table."""
    tree = python_ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in python_ast.walk(tree) if isinstance(node, python_ast.Constant)]
    return [text for text in texts if isinstance(text, str) and STATEMENT.match(text) and names_a_table(text)]


def names_a_table(text: str) -> bool:
    """Tell whether SQL names a table; a piece of a statement that cannot be parsed counts as one."""
    try:
        return bool(referenced_relations(text))
    except ParseError:
        return True


def test_sql_is_written_in_queries_files_only() -> None:
    """Else this lint would not see it. Storage's bookkeeping knows no account; the sandbox keeps its books apart."""
    found = {
        path.relative_to(SOURCE).as_posix(): texts
        for path in sorted(SOURCE.rglob("*.py"))
        if path.relative_to(SOURCE).parts[0] not in {"storage", "sandbox"} and (texts := sql_texts(path))
    }
    assert found == {}


PLANTED_SCHEMA = {
    "key without account": "CREATE TABLE t (id text PRIMARY KEY, account_id text)",
    "key that ends with account": "CREATE TABLE t (account_id text, id text, PRIMARY KEY (id, account_id))",
    "table without account": "CREATE TABLE t (id text, PRIMARY KEY (id))",
    "no primary key": "CREATE TABLE t (account_id text, id text)",
    "unique without account": "CREATE TABLE t (account_id text, id text, n text UNIQUE, PRIMARY KEY (account_id, id))",
    "unique index without account": "CREATE UNIQUE INDEX i ON t (id)",
    "unique index on an expression": "CREATE UNIQUE INDEX i ON t (lower(account_id))",
    "added constraint": "ALTER TABLE t ADD CONSTRAINT u UNIQUE (id)",
    "nine key columns": "CREATE TABLE t (account_id text, PRIMARY KEY (account_id, b, c, d, e, f, g, h, i))",
    "serial": "CREATE TABLE t (account_id text, id bigserial, PRIMARY KEY (account_id, id))",
    "identity": "CREATE TABLE t (account_id text, id int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (account_id, id))",
    "sequence": "CREATE SEQUENCE s",
    "default now": "CREATE TABLE t (account_id text, at timestamptz DEFAULT now(), PRIMARY KEY (account_id, at))",
    "default current_timestamp": "CREATE TABLE t (account_id text PRIMARY KEY, a date DEFAULT CURRENT_TIMESTAMP)",
    "default uuid": "CREATE TABLE t (account_id text, id uuid DEFAULT gen_random_uuid(), PRIMARY KEY (account_id, id))",
    "added column with random": "ALTER TABLE t ADD COLUMN n double precision DEFAULT random()",
    "trigger": "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "function": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "plpgsql block": "DO 'BEGIN END'",
    "procedure call": "CALL p()",
    "rule": "CREATE RULE r AS ON INSERT TO t DO NOTHING",
    "extension": "CREATE EXTENSION pgcrypto",
    "exclusion constraint": "CREATE TABLE t (account_id text PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH =))",
    "foreign key out of the account": (
        "CREATE TABLE t (account_id text, id text, o text REFERENCES other (id), PRIMARY KEY (account_id, id))"
    ),
    "data moved for everyone": "UPDATE t SET a = 1",
}


@pytest.mark.parametrize("planted", PLANTED_SCHEMA)
def test_the_lint_finds_a_planted_breach_in_a_migration(planted: str) -> None:
    assert lint_schema(PLANTED_SCHEMA[planted], {}) != []


PLANTED_QUERIES = {
    "no filter": "SELECT * FROM t",
    "filter by id only": "SELECT * FROM t WHERE id = $1",
    "account in an OR": "SELECT * FROM t WHERE account_id = $1 OR id = $2",
    "account negated": "SELECT * FROM t WHERE NOT account_id = $1",
    "account compared by order": "SELECT * FROM t WHERE account_id > $1",
    "join without account": "SELECT 1 FROM a JOIN b ON a.id = b.a_id WHERE a.account_id = $1",
    "two tables bound to each other only": "SELECT 1 FROM a JOIN b ON a.account_id = b.account_id WHERE a.id = $1",
    "subquery": "SELECT 1 FROM a WHERE a.account_id = $1 AND a.id IN (SELECT id FROM b)",
    "CTE": "WITH x AS (SELECT id FROM b) SELECT 1 FROM a JOIN x ON x.id = a.id WHERE a.account_id = $1",
    "update": "UPDATE t SET a = 1 WHERE id = $1",
    "update from": "UPDATE t SET a = 1 FROM b WHERE t.id = b.id AND b.account_id = $1",
    "delete": "DELETE FROM t WHERE id = $1",
    "delete using": "DELETE FROM t USING b WHERE t.account_id = b.account_id",
    "insert": "INSERT INTO t (id) VALUES ($1)",
    "insert without columns": "INSERT INTO t VALUES ($1)",
    "insert from everyone": "INSERT INTO t (account_id, id) SELECT account_id, id FROM b",
    "now": "SELECT now()",
    "current_timestamp": "SELECT 1 FROM t WHERE account_id = $1 AND at < CURRENT_TIMESTAMP",
    "localtime": "SELECT LOCALTIME",
    "random": "SELECT random()",
    "uuid": "SELECT pg_catalog.gen_random_uuid()",
    "uuid 7": "SELECT uuidv7()",
    "nextval": "SELECT nextval('s')",
    "advisory lock": "SELECT pg_advisory_xact_lock($1)",
    "advisory lock tried": "SELECT pg_try_advisory_lock(1)",
    "merge": "MERGE INTO t USING b ON t.id = b.id WHEN MATCHED THEN DELETE",
    "rollup": "SELECT a, sum(b) FROM t WHERE account_id = $1 GROUP BY ROLLUP (a)",
    "cube": "SELECT a, sum(b) FROM t WHERE account_id = $1 GROUP BY CUBE (a)",
    "global skip locked": "SELECT 1 FROM t LIMIT 1 FOR UPDATE SKIP LOCKED",
    "table lock": "LOCK TABLE t",
    "ddl": "DROP TABLE t",
}


@pytest.mark.parametrize("planted", PLANTED_QUERIES)
def test_the_lint_finds_a_planted_breach_in_a_query(planted: str) -> None:
    assert lint_query(PLANTED_QUERIES[planted], {}) != []


FINE_QUERIES = {
    "plain": "SELECT * FROM t WHERE account_id = $1 AND id = $2",
    "reversed": "SELECT * FROM t WHERE $1 = account_id",
    "several accounts": "SELECT * FROM t WHERE account_id = ANY($1::text[])",
    "row comparison": "SELECT * FROM t WHERE (account_id, id) = ($1, $2)",
    "pairs": "SELECT * FROM t WHERE (account_id, id) IN (SELECT account_id, id FROM b WHERE account_id = $1)",
    "join": "SELECT 1 FROM a JOIN b ON a.account_id = b.account_id AND a.id = b.a_id WHERE b.account_id = $1",
    "join using": "SELECT 1 FROM a JOIN b USING (account_id, id) WHERE a.account_id = $1",
    "correlated": "SELECT FROM a WHERE a.account_id = $1 AND EXISTS (SELECT FROM b WHERE b.account_id = a.account_id)",
    "arrays": "UPDATE t SET a = 1 FROM unnest($1::text[]) AS r(account_id) WHERE t.account_id = r.account_id",
    "claim per account": "SELECT 1 FROM t WHERE account_id = $1 LIMIT 1 FOR UPDATE SKIP LOCKED",
    "reference table": "SELECT * FROM currencies",
    "insert": "INSERT INTO t (account_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    "notify": "SELECT pg_notify($1, $2)",
}


@pytest.mark.parametrize("fine", FINE_QUERIES)
def test_the_lint_lets_a_lawful_query_pass(fine: str) -> None:
    assert lint_query(FINE_QUERIES[fine], {"currencies": "global configuration"}) == []


def test_the_lint_lets_a_lawful_migration_pass() -> None:
    lawful = """
    CREATE TABLE t (account_id text COLLATE "C" NOT NULL, id text NOT NULL, n text, PRIMARY KEY (account_id, id),
        UNIQUE (account_id, n), FOREIGN KEY (account_id, n) REFERENCES o (account_id, id)) WITH (fillfactor = 70);
    CREATE UNIQUE INDEX i ON t (account_id, n);
    CREATE INDEX j ON t (n);
    ALTER TABLE t ADD COLUMN m bigint NOT NULL DEFAULT 0;
    CREATE TABLE currencies (code text PRIMARY KEY);
    """
    assert lint_schema(lawful, {"currencies": "global configuration"}) == []
