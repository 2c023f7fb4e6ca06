"""Checks of what a manifest says words mean: statuses, declines, errors, and of what it says money is."""

from interlock.base.money import iso_exponent
from interlock.gateways.manifest import Manifest
from interlock.gateways.outcomes import Outcome
from interlock.releases.gates.lint.manifest.provider import Book, shown
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import ProviderTable

_GENERIC = "generic_decline"


def check(manifest: Manifest, table: ProviderTable, notes: Notes) -> None:
    """Hold every word and every currency against ``table``."""
    book = Book(table, notes)
    _check_statuses(manifest, table, book)
    _check_declines(manifest, table, book)
    _check_errors(manifest, table, book)
    _check_currencies(manifest, table, book)


def _check_statuses(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    groups = manifest.codes.statuses
    book.among("statuses", "statuses", "codes.statuses", tuple(groups), tuple(table.statuses))
    for group, words in table.statuses.items():
        found = groups.get(group, {})
        for word, allowed in words.items():
            book.notes.looked("statuses")
            outcome = found.get(word, Outcome.UNKNOWN)  # what connectors take a word for that is in no table
            if outcome not in allowed:
                what = f"is {outcome}" if word in found else "is missing, so it counts as unknown"
                book.differs("statuses", "statuses", f"codes.statuses.{group}.{word}", what, " or ".join(allowed))
        for word, outcome in found.items():
            if word not in words and outcome is not Outcome.UNKNOWN:
                field = f"codes.statuses.{group}.{word}"
                book.differs("statuses", "statuses", field, f"is {outcome}", "no such word, so it proves nothing")


def _check_declines(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    declines = manifest.codes.declines
    vocabulary = {word for meanings in table.declines.values() for word in meanings}
    for code, allowed in table.declines.items():
        book.notes.looked("declines")
        word = declines.get(code, _GENERIC)
        if word not in allowed:
            what = f"is {word}" if code in declines else f"is missing, so it counts as {_GENERIC}"
            book.differs("declines", "declines", f"codes.declines.{code}", what, " or ".join(allowed))
    for code, word in declines.items():
        if code not in table.declines:
            known = "no such code" if word in vocabulary else "neither such a code nor such a word"
            book.differs("declines", "declines", f"codes.declines.{code}", f"is {word}", known)


def _check_errors(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    """A refusal that is none charges a shopper twice; an uncertain code that is missing does the same."""
    codes, rules = manifest.codes, table.codes
    book.equal("refusals", "codes", "codes.refusals", sorted(codes.refusals), sorted(rules.refusals))
    book.equal("refusals", "codes", "codes.uncertain", sorted(codes.uncertain), sorted(rules.uncertain))


def _check_currencies(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    own, rules = manifest.currencies, table.currencies
    named = [*own.exponents, *own.multiples, *own.unsupported]
    for currency in named:
        book.notes.looked("currencies")
        if iso_exponent(currency) is None or currency != currency.lower():
            problem = "is no currency of ISO 4217 in small letters"
            book.notes.fail("currencies", f"manifest.toml currencies {currency}", problem, "correct its code")
    for currency in sorted({*own.exponents, *rules.exponents}):
        book.notes.looked("currencies")
        iso = iso_exponent(currency)
        found, known = own.exponents.get(currency, iso), rules.exponents.get(currency, iso)
        if found != known:
            what = f"is {shown(found)}" if currency in own.exponents else f"is missing, so ISO's {shown(found)} counts"
            field = f"currencies.exponents.{currency}"
            book.differs("currencies", "currencies", field, what, f"{shown(known)} decimals")
    for currency in sorted({*own.multiples, *rules.multiples}):
        book.notes.looked("currencies")
        found, known = own.multiples.get(currency, 1), rules.multiples.get(currency, 1)
        if found != known:
            field = f"currencies.multiples.{currency}"
            book.differs("currencies", "currencies", field, f"is {found}", f"multiples of {known}")
    book.equal("currencies", "currencies", "currencies.unsupported", sorted(own.unsupported), sorted(rules.unsupported))
