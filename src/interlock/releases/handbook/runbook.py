"""The section for whoever is woken: what to look at and what to do, by symptom, with commands that exist.

A command is named only where ``HandbookFacts`` says that this program has it, so that the page never sends anybody to a
command that is not there.
"""

from collections.abc import Callable

import msgspec

from interlock.releases.handbook.markup import code, codes, listing, paragraph, prose, table
from interlock.releases.handbook.types import HandbookFacts
from interlock.releases.showing import duration

_RELEASE = "RELEASE"


class _Command(msgspec.Struct, frozen=True):
    """A command the page may name: its arguments, and whether it is asked about one mode."""

    verb: str
    arguments: Callable[[HandbookFacts], str]
    has_mode: bool = True


def _gateway(facts: HandbookFacts) -> str:
    return facts.gateway


def _release(facts: HandbookFacts) -> str:
    return facts.release_id or _RELEASE


COMMANDS = (
    _Command("payments list", lambda _: "--status processing"),
    _Command("payments show", lambda _: "pi_…"),
    _Command("gateways show", _gateway),
    _Command("gateways test", _gateway),
    _Command("gateways disable", _gateway),
    _Command("gateways enable", _gateway),
    _Command("gateways refuse", lambda facts: f"{facts.gateway} --network visa --why …"),
    _Command("release rollback", _gateway),
    _Command("release affected", _release, has_mode=False),
    _Command("doctor", lambda _: "", has_mode=False),
)
"""Every command that the page may name."""

_BY_VERB = {command.verb: command for command in COMMANDS}


class _Symptom(msgspec.Struct, frozen=True):
    """What is seen, what to look at, what to do; the first of each stands in the table."""

    title: str
    anchor: str
    look: list[str]
    do: list[str]


def runbook(facts: HandbookFacts) -> list[str]:
    """Return what to do when something is wrong."""
    told = [_refusals(facts), _unknowns(facts), _declines(facts)]
    told += [_signatures(facts)] if facts.manifest.webhook else []
    told += [_slow(facts), _money(facts)]
    rows = [[f"[{each.title}](#{each.anchor})", each.look[0], each.do[0]] for each in told]
    parts = [
        paragraph(
            "While this integration fails, Interlock already sends what was certainly not executed to the next",
            "gateway, in the same request. Nothing has to be charged again by hand, and nothing whose outcome is",
            "**unknown** may be.",
        ),
        table(["Symptom", "Look first", "Do first"], rows),
    ]
    for each in told:
        parts += [f"### {each.title}", "Look:", listing(each.look), "Do:", listing(each.do)]
    return parts + _commands(facts)


def _commands(facts: HandbookFacts) -> list[str]:
    known = [command for command in COMMANDS if command.verb in facts.commands]
    if not known:
        return []
    rows = [[_line(facts, each), prose(facts.commands[each.verb])] for each in known]
    parts = ["### The commands", table(["Command", "What it does"], rows)]
    if facts.configured is None:
        parts.append(
            paragraph(
                f"{code(facts.gateway)} stands for the gateway's name or id. The commands speak of test mode;",
                f"{code('--live')} makes them speak of live mode.",
            )
        )
    return parts


def _line(facts: HandbookFacts, command: _Command) -> str:
    live = facts.configured is not None and facts.configured.livemode and command.has_mode
    words = ["interlock", command.verb, command.arguments(facts), "--live" if live else ""]
    return code(" ".join(word for word in words if word))


def _steps(facts: HandbookFacts, *steps: tuple[str, str]) -> list[str]:
    """Return the steps whose command exists; each is a verb and a text with ``{}`` for the command, or no verb."""
    found = []
    for verb, text in steps:
        if not verb:
            found.append(text)
        elif verb in facts.commands:
            found.append(text.replace("{}", _line(facts, _BY_VERB[verb])))
    return found


_BACK = ("release rollback", "{} if it began with a release.")
_OFF = ("gateways disable", "{}: other gateways take the new payments.")
_REFUSE = ("gateways refuse", "Or, where it is one network, method or currency alone: {}.")
_AFFECTED = ("release affected", "{} lists the payments of the release, to look after them.")


def _refusals(facts: HandbookFacts) -> _Symptom:
    credential = code(facts.manifest.auth.credential)
    look = _steps(
        facts,
        ("payments show", "{} prints the HTTP status and the provider's words of every try."),
        ("", f"401 and 403 point at the credential {credential} or the account's rights, other 4xx at the request."),
        ("gateways test", "{} checks settings, credentials and the host."),
    )
    withdrawn = f"Where the provider has withdrawn {credential}, give a new one: see [Credentials](#credentials)."
    do = _steps(facts, _BACK, _OFF, _REFUSE, ("", withdrawn), _AFFECTED)
    return _Symptom("Refusals (4xx) rise", "refusals-4xx-rise", look, do)


def _unknowns(facts: HandbookFacts) -> _Symptom:
    asked = facts.manifest.capabilities.inquiry != "none"
    look = _steps(
        facts,
        ("payments list", "{} lists what has no end yet."),
        ("payments show", "{} tells the phase in which each try ended."),
        ("doctor", "{} tells whether a worker runs: without one nobody asks."),
        ("", "What is asked, and when: see [Charged once](#charged-once)."),
    )
    alone = "the gateway is asked about each of them" if asked else "a notification may settle them"
    do = _steps(
        facts,
        ("", f"Charge nothing elsewhere: {alone}."),
        _BACK,
        ("gateways disable", "{} while they grow; the old ones are settled all the same."),
        _REFUSE,
        _AFFECTED,
    )
    return _Symptom("Outcomes stay unknown", "outcomes-stay-unknown", look, do)


def _declines(facts: HandbookFacts) -> _Symptom:
    look = _steps(
        facts,
        ("payments show", "{} prints the provider's code and what it is told as; compare with [Declines](#declines)."),
        ("", "One network, country or bank alone points at the issuer."),
    )
    do = _steps(
        facts,
        ("release rollback", "{} if it began with a release: its tables or its requests are wrong."),
        ("", "Switch nothing off for declines: they are answers, tried elsewhere only where a routing rule says so."),
        _AFFECTED,
    )
    return _Symptom("Declines rise", "declines-rise", look, do)


def _signatures(facts: HandbookFacts) -> _Symptom:
    webhook = facts.manifest.webhook
    assert webhook is not None
    credential = code(webhook.credential)
    look = [f"A 401 at the provider: {credential} is not the secret it signs with, or is not given."]
    if webhook.tolerance_ms:
        look.append(f"Or a notification was more than {duration(webhook.tolerance_ms)} old by this machine's clock.")
    look += _steps(
        facts,
        ("gateways show", "{} lists which credentials are given."),
        ("doctor", "{} checks the clock."),
    )
    asked = facts.manifest.capabilities.inquiry != "none"
    do = [
        f"Give the right {credential}, with the old one as long as both are in use: see [Credentials](#credentials).",
        f"Meanwhile {'payments are settled by asking' if asked else 'nothing settles what is pending'}.",
    ]
    return _Symptom("Notifications are refused", "notifications-are-refused", look, do)


def _slow(facts: HandbookFacts) -> _Symptom:
    timeouts = facts.manifest.timeouts
    look = _steps(
        facts,
        ("payments show", "{} prints how long each try took and in which phase it ended."),
        ("", f"An answer is waited for up to {duration(timeouts.read_ms)}; then the outcome is **unknown**."),
        ("gateways test", "{} measures how long connecting takes."),
    )
    otherwise = "Shoppers wait, and nothing is lost: what is not answered in time is asked about."
    return _Symptom("Answers are slow", "answers-are-slow", look, _steps(facts, _BACK, _OFF, _REFUSE, ("", otherwise)))


def _money(facts: HandbookFacts) -> _Symptom:
    look = _steps(
        facts,
        ("payments show", "{} says that the gateway spoke of other money than was asked for."),
        ("", f"Compared are answers to {codes(facts.manifest.echo, 'no operation')}."),
    )
    do = _steps(facts, ("release rollback", "{} at once."), ("gateways disable", "{} at once."), _REFUSE, _AFFECTED)
    do.append("The payments it happened to are **unknown**: look each of them up at the provider.")
    return _Symptom("Other money than was asked for", "other-money-than-was-asked-for", look, do)
