"""The handbook: everything of the manifest is on the page, nothing on it is markup of somebody else's making."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.gateways import CARD

from interlock.base.redaction import scrub
from interlock.gateways.contract import Operation
from interlock.gateways.loader import known_gateways, load
from interlock.gateways.manifest import Change, Credential, Manifest, Setting
from interlock.gateways.outcomes import Outcome
from interlock.releases.gates.types import Finding, Gate, GateReport, Verdict
from interlock.releases.handbook.rendering import render_handbook
from interlock.releases.handbook.runbook import COMMANDS
from interlock.releases.handbook.types import (
    CanaryArm,
    CanaryFigures,
    Configured,
    Evidence,
    Handbook,
    HandbookFacts,
    ReleaseRecord,
)
from interlock.releases.showing import visible

replace = msgspec.structs.replace
EVERY_COMMAND = {command.verb: f"Does {command.verb}." for command in COMMANDS}
VOID = frozenset({"meta"})
TAGS = VOID | {
    *("html", "head", "title", "style", "body", "nav", "main", "div", "h1", "h2", "h3", "p", "ol", "ul", "li", "a"),
    *("code", "strong", "em", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"id", "class", "href", "rel", "data-column", "aria-label", "lang", "charset", "name", "content"}
ATTRIBUTES |= {"http-equiv", "start"}


class Reader(HTMLParser):
    """Reads a page strictly: what is open must be closed, and only known elements and attributes may occur."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.cells: list[str] = []
        self.shape: list[str] = []
        self._texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join("".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        given = dict(attrs)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if "href" in given:
            self.links.append(str(given["href"]))
        self.shape.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self._texts.append(data)
        if "td" in self.open:
            self.cells[-1] += data

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    handle_comment = handle_pi = unknown_decl


def facts(manifest: Manifest, **more: Any) -> HandbookFacts:
    return HandbookFacts(manifest=manifest, package_id="pkg_0123456789abcdef01234567", commands=EVERY_COMMAND, **more)


def page(manifest: Manifest, **more: Any) -> Handbook:
    return render_handbook(facts(manifest, **more))


RECORD: dict[str, Any] = {
    "release_id": "rel_2",
    "configured": Configured(
        name="stripe-eu",
        gateway_id="gw_1",
        livemode=True,
        settings=("account",),
        credentials=("secret_key",),
        webhook_url="https://pay.shop.example/gateways/acct_1/gw_1/webhooks",
    ),
    "evidence": (
        Evidence(
            report=GateReport(
                gate=Gate.CONTRACT,
                verdict=Verdict.FAILED,
                checks={"contract.amount": 1204, "contract.codes": 88},
                findings=(
                    Finding(
                        check="contract.amount",
                        verdict=Verdict.FAILED,
                        where="sale jpy visa",
                        problem="asks for 100 times the amount",
                        remedy="correct the exponent",
                    ),
                ),
                left_out=("configuration: no account is given",),
                measured={"requests": 1204},
                duration_ms=61_000,
            ),
            finished_at_ms=1_790_000_000_000,
        ),
    ),
    "history": (
        ReleaseRecord(
            release_id="rel_2",
            state="stable",
            created_at_ms=1_790_000_000_000,
            by="ana",
            why="declines told apart",
            decided_at_ms=1_790_000_600_000,
        ),
    ),
    "canary": CanaryFigures(
        started_at_ms=1_790_000_000_000,
        ended_at_ms=1_790_000_600_000,
        share_ppm=12_500,
        decision="promoted",
        arms=(
            CanaryArm(arm="candidate", release_id="rel_2", payments=998, approved=921, technical_failures=2, unknown=0),
        ),
    ),
}


_COLUMNS = {"secret_key": 7, "webhook_secret": 7, "account": 5, "base_url": 5}


# -- everything is there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", known_gateways())
def test_every_status_decline_error_code_and_event_of_the_manifest_is_on_the_page(name: str) -> None:
    manifest = load(name).manifest
    made = page(manifest)
    cells = Reader(made.html).cells
    words = {each.strip() for cell in cells for each in cell.split(",")}
    for group in manifest.codes.statuses.values():
        for raw, outcome in group.items():
            assert raw in words
            assert outcome.value in words
    for raw, told in manifest.codes.declines.items():
        assert raw in words
        assert not {told, f"{told} (the code as well)"}.isdisjoint(cells)
    assert {*manifest.codes.refusals, *manifest.codes.uncertain} <= words
    assert manifest.webhook is not None
    for event in manifest.webhook.subscriptions:
        assert f"- `{event}`\n" in made.markdown


def _values(value: Any) -> list[str]:
    """Return every text and number of a manifest as the page may show it."""
    if isinstance(value, dict):
        return [each for inner in value.values() for each in _values(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in _values(inner)]
    return [] if value is None or isinstance(value, bool) or value == "" else [str(value)]


@pytest.mark.parametrize("name", known_gateways())
def test_every_text_of_the_manifest_is_on_the_page(name: str) -> None:
    manifest = load(name).manifest
    plain = msgspec.json.decode(msgspec.json.encode(manifest))
    shown = Reader(page(manifest).html).text
    plain["timeouts"] = plain["limits"] = plain["retry"]["inquiry_delays_ms"] = None  # with units, in another test
    plain["idempotency"]["retention_ms"] = plain["inquiry"] = plain["webhook"]["tolerance_ms"] = None
    plain["auth"]["scheme"] = plain["capabilities"]["stored_credentials"] = plain["capabilities"]["inquiry"] = None
    assert [value for value in _values(plain) if " ".join(value.split()) not in shown] == []


def test_times_are_told_in_units_people_use() -> None:
    shown = Reader(page(load("adyen").manifest).html).text
    for told in ("45 s", "6.5 days", "1 s, 5 s, 30 s, 2 min, 10 min, 1 h", "65,536"):
        assert told in shown


def test_shoppers_words_come_from_the_switch_itself() -> None:
    made = page(load("adyen").manifest).markdown
    assert "| `6`, `expired card` | `expired_card` (the code as well) | Your card has expired. | never |" in made
    assert "| `27`, " not in made  # codes of one meaning share a row
    assert re.search(
        r"\| `2`, `refused`, .*`27`.* \| `generic_decline` \| Your card was declined\. \| by a rule \|", made
    )


def test_recoverys_pauses_come_from_recovery_itself() -> None:
    assert "2 s, 5 s, 15 s, 1 min, 5 min, 15 min, then every 1 h" in page(load("stripe").manifest).markdown


def test_currencies_show_what_is_sent() -> None:
    made = page(load("stripe").manifest).markdown
    assert "| `ISK` | 0 | 2 | `1000` |" in made
    assert "| `MGA` | 2 | 0 | `10` |" in made
    assert "| `KWD` | 10 |" in made


def test_gates_history_and_canary_are_told() -> None:
    shown = Reader(page(load("stripe").manifest, **RECORD).html).text
    for told in (
        "asks for 100 times the amount",
        "1,292 in 2 checks",
        "2026-09-21 14:13 UTC",
        "configuration: no account is given",
        "rel_2 (this page)",
        "declines told apart",
        "with 1.25 % of the payments; decided: promoted",
        "921 (92.3%)",
        "https://pay.shop.example/gateways/acct_1/gw_1/webhooks",
        "interlock release rollback stripe-eu --live",
        "interlock release affected rel_2",
        "interlock doctor",
    ):
        assert told in shown
    assert "interlock doctor --live" not in shown


def test_a_page_without_a_record_says_so() -> None:
    shown = Reader(page(load("stripe").manifest).html).text
    assert "No gate report is part of this page." in shown
    assert "No release is recorded on this page." in shown
    assert "Canary" not in shown


def test_what_an_account_has_given_is_told_by_name_only() -> None:
    cells = Reader(page(load("stripe").manifest, **RECORD).html).cells
    given = {name: cells[cells.index(name) : cells.index(name) + length][-1] for name, length in _COLUMNS.items()}
    assert given == {"secret_key": "yes", "webhook_secret": "no", "account": "yes", "base_url": "no"}


@pytest.mark.parametrize("verb", sorted(EVERY_COMMAND))
def test_a_command_that_this_program_lacks_is_named_nowhere_in_the_runbook(verb: str) -> None:
    manifest = load("adyen").manifest
    commands = {name: text for name, text in EVERY_COMMAND.items() if name != verb}
    made = render_handbook(msgspec.structs.replace(facts(manifest), commands=commands)).markdown
    section = made[made.index("## When something is wrong") : made.index("## What it can do")]
    assert f"interlock {verb}" not in section
    assert section.count("interlock ") > 10


def test_without_any_command_the_runbook_still_says_what_to_do() -> None:
    made = render_handbook(replace(facts(load("stripe").manifest), commands={})).markdown
    assert "401 and 403 point at the credential `secret_key`" in made
    assert "The commands" not in made


def test_what_is_not_there_is_not_talked_of() -> None:
    manifest = load("stripe").manifest
    able = replace(
        manifest.capabilities,
        operations=tuple(each for each in manifest.capabilities.operations if each is not Operation.INQUIRE),
        inquiry="none",
        methods=("card",),
    )
    bare = replace(manifest, capabilities=able, webhook=None, settings={}, echo={}, sent={}, changes=())
    bare = replace(bare, hosts=replace(manifest.hosts, test_override=False))
    made = page(bare).markdown
    assert "This integration takes in no notifications" in made
    assert "This integration has no settings." in made
    assert "Stripe cannot be asked" in made
    assert "somebody has to look it up at the provider" in made
    assert "bank debit" not in made
    assert "Notifications are refused" not in made


def test_announced_changes_are_listed() -> None:
    change = Change(place="request /description", why="descriptions are cut now", operation=Operation.SALE)
    made = page(replace(load("stripe").manifest, changes=(change,))).markdown
    assert "| `sale` | `request /description` | descriptions are cut now |" in made


@pytest.mark.parametrize("name", known_gateways())
def test_the_same_facts_make_the_same_page(name: str) -> None:
    manifest = load(name).manifest
    assert page(manifest, **RECORD) == page(manifest, **RECORD)


# -- nothing of it is markup of somebody else's making ----------------------------------------------------------------

EVIL = (
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "a | b \\| c \\",
    "``` x ``",
    "` | `",
    "# heading",
    "1. item",
    "- item",
    "**refused**",
    "&lt;b&gt;",
    "$style",
    "\x1b[2J\u202ereversed\u2066",
    "*a* _b_ ~~c~~",
    "'\"><svg/onload=alert(1)>",
    "\\`x\\`",
)
hostile = st.one_of(
    st.sampled_from(EVIL),
    st.text(min_size=1, max_size=30),
    st.text(alphabet="<>&\"'`|\\[]()*_#!~$-+=1. ", min_size=1, max_size=20),
)


@st.composite
def manifests(draw: st.DrawFn) -> tuple[Manifest, list[str]]:
    """Draw a manifest in which others chose every text, and those texts."""
    texts = draw(st.lists(hostile, min_size=18, max_size=18))
    (
        title,
        version,
        address,
        header,
        name,
        secret,
        pattern,
        prefix,
        what,
        group,
        raw,
        told,
        refusal,
        certain,
        event,
    ) = texts[:15]
    place, why, parameter = texts[15:]
    base = load("stripe").manifest
    assert base.webhook is not None
    manifest = replace(
        base,
        title=title,
        api_version=version,
        documentation=address,
        request_id_header=header,
        hosts=replace(base.hosts, live=replace(base.hosts.live, base_url=f"https://{address}")),
        credentials={secret: Credential(title=what, live_prefixes=(prefix,), pattern=pattern)},
        settings={name: Setting(title=title, pattern=pattern, default=prefix, required_in=("live",))},
        auth=replace(base.auth, header=header, credential=secret),
        codes=replace(
            base.codes,
            statuses={group: {raw: Outcome.REFUSED}},
            declines={raw: told, f"{raw}2": "generic_decline"},
            refusals=(refusal,),
            uncertain=(certain,),
        ),
        webhook=replace(base.webhook, credential=secret, signature_header=header, subscriptions=(event,)),
        challenge=replace(base.challenge, return_parameters=(parameter,)),
        currencies=replace(base.currencies, exponents={raw.lower(): 2}, unsupported=(told,)),
        changes=(Change(place=place, why=why),),
    )
    return manifest, texts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(manifests())
def test_no_text_of_a_manifest_becomes_markup(drawn: tuple[Manifest, list[str]]) -> None:
    manifest, texts = drawn
    read = Reader(page(manifest).html)
    for text in texts:
        assert " ".join(visible(scrub(text)).split()) in read.text
    assert len(set(read.ids)) == len(read.ids)
    local = {link[1:] for link in read.links if link.startswith("#")}
    assert local <= set(read.ids)
    for link in read.links:
        assert link.startswith(("#", "https://"))


@pytest.mark.parametrize("evil", EVIL)
def test_the_same_elements_stand_on_a_page_whatever_a_manifest_says(evil: str) -> None:
    def shape(text: str) -> list[str]:
        base = load("stripe").manifest
        manifest = replace(
            base,
            title=text,
            credentials={"secret_key": Credential(title=text, pattern=text)},
            codes=replace(base.codes, statuses={text: {text: Outcome.DECLINED}}, declines={text: text}),
        )
        return Reader(page(manifest).html).shape

    assert shape(evil) == shape("harmless")


@pytest.mark.parametrize("evil", EVIL)
def test_nor_do_texts_of_reports_and_history(evil: str) -> None:
    record = RECORD["history"][0]
    report = RECORD["evidence"][0]
    finding = replace(report.report.findings[0], where=evil, problem=evil, remedy=evil, check=evil)
    told = replace(report.report, findings=(finding,), left_out=(evil,), measured={evil: evil}, checks={evil: 1})
    made = page(
        load("stripe").manifest,
        **{
            **RECORD,
            "history": (replace(record, why=evil, by=evil, state=evil),),
            "evidence": (replace(report, report=told),),
            "configured": replace(RECORD["configured"], name=evil),
        },
    )
    assert Reader(made.html).text.count(" ".join(visible(evil).split())) >= 8


def test_only_a_plain_https_address_is_a_link() -> None:
    for address in ("javascript:alert(1)", "http://docs.example", "https://a.example/<b>", "https://a b", "data:x"):
        made = page(replace(load("stripe").manifest, documentation=address))
        assert address not in Reader(made.html).links
    assert "https://docs.stripe.com/api" in Reader(page(load("stripe").manifest).html).links


def test_no_card_number_or_key_comes_onto_a_page() -> None:
    key = "sk_live_0123456789abcdef"
    manifest = replace(load("stripe").manifest, title=key, api_version=CARD.number, documentation=f"https://x/{key}")
    made = page(manifest)
    for secret in (key, CARD.number):
        assert secret not in made.markdown
        assert secret not in made.html


def test_the_page_needs_nothing_from_elsewhere_and_forbids_it() -> None:
    made = page(load("stripe").manifest, **RECORD)
    assert not re.search(r"(?:\bsrc=|@import|url\()", made.html)
    assert "default-src 'none'; style-src 'sha256-" in made.html
