"""What counts as a difference, which are about money, and what may be announced."""

import msgspec
import pytest
from tests.support.shadow_edits import announcing, edited
from tests.support.shadow_recordings import authorised, recording, rows

from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package, load
from interlock.gateways.manifest import Change
from interlock.gateways.package import Package
from interlock.releases.gates.observation import Difference
from interlock.releases.gates.shadow.comparing import (
    all_differences,
    announcement_findings,
    causes,
    covered,
    difference_finding,
    grouped,
    is_money,
    lost_abilities,
    sent_empty,
    shown,
    too_wide,
)
from interlock.releases.gates.shadow.replaying import Replay, Rerun, replay
from interlock.releases.gates.shadow.stand_ins import config_of
from interlock.releases.gates.shadow.types import Observed, Recording
from interlock.releases.gates.types import Verdict

ADYEN, STRIPE = load("adyen").manifest, load("stripe").manifest
SALE = recording()


def observed(package: Package, one: Recording = SALE) -> Observed:
    done = replay(
        Replay(
            package=package,
            configs=(config_of(one.config, [ADYEN]),),
            recordings=(one,),
            reruns=(Rerun(recording=0),),
        )
    )
    assert done.broken is None
    return done.observed[0]


BUILTIN = observed(builtin_package("adyen"))


def difference(place: str, before: str | None = "1", after: str | None = "2") -> Difference:
    return Difference(case="c", operation=Operation.SALE, place=place, before=before, after=after)


def places(package: Package, one: Recording = SALE) -> set[str]:
    return {each.place for each in all_differences(observed(builtin_package("adyen"), one), observed(package, one))}


ENCODE = ("bodies.py", '        body["metadata"] = metadata\n    return msgspec.json.encode(body)\n')
KEPT = '        body["metadata"] = metadata\n'


def test_the_order_of_members_is_no_difference_and_the_spelling_is() -> None:
    reordered = edited(
        "adyen", (*ENCODE, f"{KEPT}    return msgspec.json.encode(dict(reversed(list(body.items()))))\n")
    )
    spaced = edited("adyen", (*ENCODE, f"{KEPT}    return msgspec.json.format(msgspec.json.encode(body), indent=1)\n"))
    assert places(reordered) == set()
    assert places(spaced) == {"request encoding"}


def test_the_money_that_the_switch_reads_is_compared_too() -> None:
    echo = '[echo.sale]\namount = "/amount/value"\ncurrency = "/amount/currency"'
    wrong = edited("adyen", ("manifest.toml", echo, echo.replace("/amount/value", "/additionalData/other")))
    body = authorised(rows().attempt.id, additionalData={"other": 5})
    assert places(wrong, recording(body=body)) == {"echo", "echo mismatch"}


def test_what_the_transport_would_not_send_is_a_difference() -> None:
    assert (
        places(edited("adyen", ("manifest.toml", "[limits]\nrequests = 3", "[limits]\nrequest_bytes = 1024"))) == set()
    )
    padded = msgspec.structs.replace(
        SALE,
        request=msgspec.structs.replace(
            SALE.request, fields={**SALE.request.fields, "metadata": {f"key{number}": "x" * 79 for number in range(20)}}
        ),
    )
    small = edited("adyen", ("manifest.toml", "[limits]\nrequests = 3", "[limits]\nrequest_bytes = 1024"))
    assert places(small, padded) == {"limits"}


@pytest.mark.parametrize(
    "place",
    [
        "request /amount/value",
        "request#2 /amount",
        "request /amount_to_capture",
        "request /currency",
        "result echo.amount_minor",
        "result outcome",
        "result captured",
        "echo",
        "result transfer.remaining.amount_minor",
        "notification#1 amount.currency",
    ],
)
def test_money_is_known_by_its_place(place: str) -> None:
    assert is_money(place, [ADYEN, STRIPE])


@pytest.mark.parametrize(
    "place", ["request path", "request /description", "result decline_code", "request header x-id"]
)
def test_other_places_are_not_about_money(place: str) -> None:
    assert not is_money(place, [ADYEN, STRIPE])


def test_a_candidate_that_no_longer_takes_what_was_taken_is_found() -> None:
    without = msgspec.structs.replace(ADYEN.capabilities, networks=("mastercard",))
    less = msgspec.structs.replace(ADYEN, capabilities=without)
    assert [each.place for each in lost_abilities(SALE, ADYEN, less)] == ["capabilities networks"]
    assert lost_abilities(SALE, less, ADYEN) == []


def test_of_an_outcome_that_changed_only_the_outcome_is_told() -> None:
    found = [difference(place) for place in ("result outcome", "result code", "echo", "request /description")]
    assert [each.place for each in causes(found)] == ["result outcome", "request /description"]
    assert [each.place for each in causes([difference("error"), *found])] == ["error", "request /description"]
    assert causes(found[1:]) == found[1:]
    gone = difference("request /amount/value", "1099", None)
    assert causes([difference("error", None, "KeyError"), gone]) == [difference("error", None, "KeyError")]
    assert causes([difference("unfinished"), gone]) == [difference("unfinished"), gone]


def test_a_new_field_with_nothing_in_it_is_no_announced_change() -> None:
    found = [
        difference("request /a", None, "''"),
        difference("request /b", None, "'x'"),
        difference("result c", None, "''"),
    ]
    assert [each.place for each in sent_empty(found, [])] == ["request /a"]
    assert sent_empty(found, found) == []


def test_values_are_shown_scrubbed_and_not_without_end() -> None:
    assert shown("number 4242424242424242") == "number [card]"
    assert (shown(None), shown("")) == ("absent", "empty")
    assert len(shown("x" * 1_000)) < 200


def test_a_finding_says_where_what_how_many_and_how_to_announce_it() -> None:
    (group,) = grouped({4: [difference("request /a", "old", "new")], 9: [difference("request /a", "old", "new")]})
    finding = difference_finding(group, "2 of 7 recorded sales", [ADYEN])
    assert finding.sentence() == (
        "sale request /a: old became new in 2 of 7 recorded sales (such as c); correct it, or announce it in "
        'manifest.toml: changes = [{ operation = "sale", place = "request /a", why = "…" }]'
    )
    assert (finding.check, finding.verdict, finding.facts["count"]) == ("shadow.request", Verdict.FAILED, 2)


@pytest.mark.parametrize(
    "pattern", ["*", "request*", "* /amount/*", "result outcom?", "result [a-z]*", "request [mp]*"]
)
def test_money_outcomes_and_paths_cannot_be_announced_by_a_pattern(pattern: str) -> None:
    change = Change(place=pattern, why="a long enough reason")
    assert too_wide(change, [ADYEN, STRIPE])
    (finding,) = announcement_findings([change], [difference("request /x")], [ADYEN])
    assert finding.verdict is Verdict.FAILED


def test_what_is_about_money_is_guarded_wherever_a_provider_puts_it() -> None:
    change = Change(place="request /order*", why="a long enough reason")
    assert too_wide(change, [ADYEN]) == []
    found = [difference("request /order_lines/0/unit_amount"), difference("request /order_note")]
    assert too_wide(change, [ADYEN], found) == ["request /order_lines/0/unit_amount"]
    (finding,) = announcement_findings([change], found, [ADYEN])
    assert finding.verdict is Verdict.FAILED
    by_name = Change(place=found[0].place, why="a long enough reason")
    assert announcement_findings([by_name], found, [ADYEN]) == []


def test_an_announcement_of_everything_names_a_few_of_the_places() -> None:
    (finding,) = announcement_findings([Change(place="*", why="a long enough reason")], [], [ADYEN])
    assert finding.problem.startswith("covers echo, echo mismatch, request /amount, ")
    assert finding.problem.endswith(" more places by a wildcard")


@pytest.mark.parametrize(
    "pattern", ["request /metadata/*", "result outcome", "request /amount/value", "result *_check"]
)
def test_narrow_patterns_and_places_by_name_can(pattern: str) -> None:
    change = Change(place=pattern, why="a long enough reason")
    assert too_wide(change, [ADYEN, STRIPE]) == []
    covered_place = pattern.replace("*", "cvc")
    assert announcement_findings([change], [difference(covered_place)], [ADYEN]) == []
    (finding,) = announcement_findings([change], [difference("result code")], [ADYEN])
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_each_announcement_is_counted_by_itself() -> None:
    changes = msgspec.toml.decode(announcing("request /a*", "result b"))["changes"]
    found = [difference("request /a1"), difference("request /a2"), difference("result c")]
    assert covered(found, [msgspec.convert(each, Change) for each in changes]) == [2, 0]
