"""The control API over HTTP: a release's whole way, two people, and what is refused, in its order."""

import asyncio
from typing import Any

import pytest
from tests.integration.control.conftest import Control
from tests.support.release_verbs import counts, everything

from interlock.releases.gates.types import Gate, Verdict
from interlock.releases.types import NO_WORSE, Actor
from interlock.routing.journal import verify

Files = dict[str, str]


async def created(control: Control, files: Files, **more: Any) -> Any:
    return await control.post("/releases", gateway="stripe", note="try it", files=files, **more)


# The way to real money and back


async def test_a_change_goes_from_files_to_a_canary_and_back(control: Control, files: Files) -> None:
    was = (await control.get("/gateways"))["data"][0]["pointer"]["stable_release_id"]
    release = await created(control, files)
    assert (release["object"], release["state"], release["proposed_by"]) == ("release", "drafted", "ann")
    assert release["pointer"]["stable_release_id"] == was
    one = f"/releases/{release['id']}"
    assert (await control.refused(f"{one}/approve", why="yes"))["code"] == "gates_open"
    assert (await control.refused(f"{one}/promote"))["code"] == "wrong_state"

    await control.passes(release)
    approved = await control.post(f"{one}/approve", why="read the diff")
    assert (approved["state"], approved["approved_by"]) == ("approved", "ann"), "test mode asks for one person"
    on_canary = await control.post(f"{one}/promote", plan={"share_ppm": 20_000, "alpha": 1e-3})
    assert (on_canary["state"], on_canary["trial"]["plan"]["share_ppm"]) == ("canary", 20_000)
    assert on_canary["pointer"]["trial_release_id"] == release["id"]
    assert (await control.refused(f"{one}/promote"))["code"] == "evidence_open"
    back = await control.post(f"{one}/rollback", why="declines doubled")
    assert (back["state"], back["pointer"]["stable_release_id"]) == ("rolled_back", was)

    entries = (await control.get(f"/journal?subject={release['id']}&limit=3"))["data"]
    assert [entry["action"] for entry in entries] == ["release.rolled_back", "canary.started", "release.approved"]
    assert {entry["actor"] for entry in entries} == {"ann"}
    assert (await control.get("/journal/verify"))["broken_at"] is None


async def test_a_canary_that_waits_is_promoted_by_a_person_and_its_hold_back_ended(
    control: Control, files: Files
) -> None:
    release = await created(control, files)
    one = f"/releases/{release['id']}"
    await control.passes(release)
    await control.post(f"{one}/approve", why="fine")
    await control.post(f"{one}/promote", plan={"waits_for_person": True, "holdback_ppm": 30_000})
    await control.rooms.foundation.database.execute(
        "UPDATE release_trials SET verdict = $2, version = version + 1 WHERE release_id = $1",
        release["id"],
        f"{NO_WORSE}: e-value 2.1e4",
    )
    stable = await control.post(f"{one}/promote", why="the evidence is in")
    assert (stable["state"], stable["trial"]["kind"], stable["pointer"]["share_ppm"]) == ("stable", "holdback", 30_000)
    ended = await control.post(f"{one}/end_holdback", why="a day without a sign")
    assert (ended["next"], ended["pointer"]["share_ppm"]) == ("nothing: it serves", 0)
    assert (await control.refused(f"{one}/end_holdback", why="again"))["code"] == "wrong_state"


async def test_broken_glass_needs_a_reason_and_stands_in_the_journal(control: Control, files: Files) -> None:
    release = await created(control, files)
    one = f"/releases/{release['id']}"
    assert (await control.refused(f"{one}/approve", break_glass=True))["param"] == "why"
    assert "needs a reason" in (await control.refused(f"{one}/approve", break_glass=True, why=" "))["message"]
    await control.post(f"{one}/approve", break_glass=True, why="shop is down")
    assert (await control.refused(f"{one}/promote", break_glass=True))["param"] == "why"
    refused = await control.refused(f"{one}/promote", break_glass=True, why="down", plan={"share_ppm": 1})
    assert (refused["code"], refused["param"]) == ("no_plan_here", "share_ppm")
    await control.post(f"{one}/promote", break_glass=True, why="shop is down")
    entries = (await control.get("/journal?limit=2"))["data"]
    assert [(entry["action"], entry["facts"]["break_glass"]) for entry in entries] == [
        ("release.promoted", True),
        ("release.forced", True),
    ]
    gone = await control.post("/gateways/stripe/rollback", why="that was it")
    assert (gone["id"], gone["state"]) == (release["id"], "rolled_back")
    assert (await control.refused("/gateways/stripe/rollback", why="again"))["code"] == "no_way_back"


async def test_a_release_that_is_not_wanted_is_aborted_and_may_be_proposed_again(
    control: Control, files: Files
) -> None:
    release = await created(control, files)
    aborted = await control.post(f"/releases/{release['id']}/abort", why="another one first")
    assert aborted["state"] == "rejected"
    assert (await control.refused(f"/releases/{release['id']}/abort", why="again"))["code"] == "wrong_state"
    assert (await created(control, files))["state"] == "drafted"


async def test_what_could_not_judge_is_accepted_with_a_reason_and_what_failed_is_not(
    control: Control, files: Files
) -> None:
    release = await created(control, files)
    one = f"/releases/{release['id']}"
    await control.passes(release, Verdict.PASSED, (Gate.LINT, Gate.CONTRACT, Gate.CERTIFY))
    await control.passes(release, Verdict.INCONCLUSIVE, (Gate.SHADOW,))
    assert (await control.refused(f"{one}/approve", why="fine"))["code"] == "gates_open"
    assert (await control.post(f"{one}/approve", why="no traffic yet", accept_inconclusive=True))["state"] == "approved"


# The same request twice


async def test_the_same_proposal_twice_is_one_release_also_with_a_new_secret(control: Control, files: Files) -> None:
    secret = {"secret_key": "sk_test_" + "n" * 30}
    first = await created(control, files, credentials=secret)
    rows = await counts(control.rooms.foundation.database)
    second = await created(control, files, credentials=secret)
    assert first["id"] == second["id"]
    assert await counts(control.rooms.foundation.database) == rows
    text = await everything(control.rooms.foundation.database)
    assert secret["secret_key"] not in text
    assert secret["secret_key"] not in str(second)
    ends = await created(control, files, credentials=secret, credentials_expire_at_ms={"secret_key": 1_927_584_000_000})
    assert ends["id"] != first["id"], "another end is another secret"


async def test_two_proposals_at_one_moment_make_one_release_or_are_told_to_repeat(
    control: Control, files: Files
) -> None:
    body = {"gateway": "stripe", "note": "try it", "files": files}
    said = await asyncio.gather(*(control.send("POST", "/releases", json=body) for _ in range(3)))
    assert {each.status for each in said} <= {200, 409}
    made = {each.json["id"] for each in said if each.status == 200}
    assert len(made) == 1


async def test_two_decisions_at_one_moment_are_one(control: Control, files: Files) -> None:
    release = await created(control, files)
    await control.passes(release)
    path = f"/releases/{release['id']}/approve"
    said = await asyncio.gather(
        *(control.send("POST", path, who=who, json={"why": "fine"}) for who in ("ann", "bob", "ann", "bob"))
    )
    assert sorted(each.status for each in said).count(200) == 1
    assert {each.json["error"]["code"] for each in said if each.status != 200} <= {"wrong_state", "release_changed"}
    entries = (await control.get(f"/journal?subject={release['id']}&limit=100"))["data"]
    assert [entry["action"] for entry in entries].count("release.approved") == 1
    chain = await verify(control.rooms.foundation.database, control.scope.account_id)
    assert chain.broken_at is None


# Two people


async def test_a_live_release_takes_two_people(control: Control, files: Files) -> None:
    release = await created(control, files, mode="live")
    assert release["livemode"] is True
    one = f"/releases/{release['id']}"
    await control.passes(release)
    assert (await control.refused(f"{one}/approve", why="mine"))["code"] == "same_person"
    approved = await control.post(f"{one}/approve", who="bob", why="read it")
    assert (approved["proposed_by"], approved["approved_by"]) == ("ann", "bob")
    assert (await control.get("/releases"))["data"][0]["id"] != release["id"], "test mode is listed without a mode"
    assert (await control.get("/releases?mode=live"))["data"][0]["id"] == release["id"]


async def test_an_operator_of_another_account_sees_and_does_nothing(control: Control, files: Files) -> None:
    release = await created(control, files)
    mine = await control.send("GET", f"/releases/{release['id']}x", who="eve")
    theirs = await control.send("GET", f"/releases/{release['id']}", who="eve")
    assert mine.status == theirs.status == 404
    assert theirs.error["message"].replace(release["id"], "") == mine.error["message"].replace(f"{release['id']}x", "")
    assert (await control.refused(f"/releases/{release['id']}/rollback", who="eve", why="x"))["status"] == 404
    assert (await control.refused("/gateways/stripe/rollback", who="eve", why="x"))["status"] == 404
    assert (await control.refused("/releases", who="eve", gateway="stripe", note="x"))["param"] == "gateway"
    gateway_id = (await control.get("/gateways"))["data"][0]["id"]
    assert (await control.refused("/refusals", who="eve", gateway=gateway_id, why="x", network="amex"))["status"] == 404
    for path in ("/releases", "/gateways", "/refusals"):
        assert (await control.get(path, who="eve"))["data"] == []
    subjects = {entry["subject"] for entry in (await control.get("/journal?limit=100", who="eve"))["data"]}
    assert release["id"] not in subjects


async def test_a_revoked_operator_is_refused_from_the_next_request_on(control: Control) -> None:
    assert (await control.get("/operator"))["name"] == "ann"
    shown = await control.get("/operator")
    assert control.tokens["ann"] not in str(shown)
    await control.rooms.operators.revoke(control.scope.account_id, "ann", Actor("cli:test"))
    said = await control.send("GET", "/operator")
    assert (said.status, said.error["code"]) == (401, "operator_required")


# Looking


async def test_releases_page_by_age_although_their_ids_are_hashes(control: Control, files: Files) -> None:
    made = [(await created(control, {**files, "notes.md": str(number)}))["id"] for number in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        page = await control.get(f"/releases?limit=2{after}")
        seen += [release["id"] for release in page["data"]]
        if not page["has_more"]:
            break
        after = f"&starting_after={seen[-1]}"
    assert seen[:5] == made[::-1]
    assert len(seen) == 6
    assert (page["object"], page["url"]) == ("list", "/control/v1/releases")
    stable = await control.get("/releases?state=stable&gateway=stripe")
    assert [release["id"] for release in stable["data"]] == seen[5:]
    said = await control.send("GET", "/releases?starting_after=rel_none")
    assert (said.status, said.error["param"]) == (400, "starting_after")


async def test_a_diff_is_told_in_the_terms_of_the_trade(control: Control, files: Files) -> None:
    manifest = files["manifest.toml"].replace("read_ms = ", "read_ms = 1_000 # ")
    release = await created(control, {**files, "manifest.toml": manifest})
    facts = await control.get(f"/releases/{release['id']}/diff")
    assert [change["path"] for change in facts["fields"]] == ["timeouts.read_ms"]
    backwards = await control.get(f"/releases/{release['base_release_id']}/diff?against={release['id']}")
    assert backwards["fields"][0]["before"] == facts["fields"][0]["after"]
    live = (await control.get("/releases?mode=live"))["data"][0]["id"]
    for other, status in ((live, 400), ("rel_none", 404)):
        said = await control.send("GET", f"/releases/{release['id']}/diff?against={other}")
        assert (said.status, said.error["param"]) == (status, "against")


async def test_evidence_is_read_whole_gate_by_gate_and_pages(control: Control, files: Files) -> None:
    release = await created(control, files)
    one = f"/releases/{release['id']}"
    said = await control.send("GET", f"{one}/gates/lint")
    assert (said.status, said.error["param"]) == (404, "gate")
    assert (await control.send("GET", f"{one}/gates/nonsense")).error["message"] == "No such gate: 'nonsense'"
    await control.passes(release, Verdict.INCONCLUSIVE)
    await control.passes(release)
    gates = await control.get(f"{one}/gates")
    assert [(gate["gate"], gate["verdict"]) for gate in gates["gates"]] == [
        (gate, "passed") for gate in ("lint", "contract", "certify", "shadow")
    ]
    assert (gates["state"], gates["run"]) == ("gated", None)
    newest = await control.get(f"{one}/gates/certify")
    assert (newest["verdict"], newest["checks"]) == ("passed", {"all": 1})
    first = await control.get(f"{one}/evidence?limit=6")
    assert (len(first["data"]), first["has_more"]) == (6, True)
    rest = await control.get(f"{one}/evidence?limit=6&starting_after={first['data'][-1]['id']}")
    assert (len(rest["data"]), rest["has_more"]) == (2, False)
    assert {each["verdict"] for each in rest["data"]} == {"inconclusive"}
    of_one = await control.get(f"{one}/evidence?gate=certify")
    assert [each["verdict"] for each in of_one["data"]] == ["passed", "inconclusive"]
    examined = (await control.get(f"/journal?subject={release['id']}"))["data"][0]
    assert examined["facts"]["evidence"] == (await control.get(f"{one}/gates/shadow"))["id"]
    said = await control.send("GET", f"{one}/evidence?starting_after=ev_none")
    assert said.error["param"] == "starting_after"


async def test_nobody_was_touched_by_a_release_that_took_no_payment(control: Control, files: Files) -> None:
    release = await created(control, files)
    found = await control.get(f"/releases/{release['id']}/affected?only=lost&only=open&since_ms=5")
    assert (found["data"], found["attempts"], found["since_ms"], found["is_whole"]) == ([], 0, 5, True)
    assert set(found["counts"].values()) == {0}


# Gateways and refuse switches


async def test_a_refuse_switch_is_set_once_listed_and_lifted(control: Control) -> None:
    end = control.rooms.foundation.clock.now_ms() + 60_000
    body: Any = {"gateway": "stripe", "network": "AMEX", "why": "amex errs", "expires_at_ms": end}
    first = await control.post("/refusals", **body)
    again = await control.post("/refusals", **body)
    assert (first["id"], first["network"], first["set_by"]) == (again["id"], "amex", "ann")
    everywhere = await control.post("/refusals", gateway="*", method="sepa_debit", why="the scheme is down")
    page = await control.get("/refusals?limit=1")
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([everywhere["id"]], True)
    page = await control.get(f"/refusals?limit=1&starting_after={everywhere['id']}")
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([first["id"]], False)
    await control.post(f"/refusals/{first['id']}/accept", why="amex answers")
    assert (await control.refused(f"/refusals/{first['id']}/accept"))["status"] == 404
    assert "whole gateway" in (await control.refused("/refusals", gateway="stripe", why="x"))["message"]
    assert (await control.refused("/refusals", gateway="paypal", why="x", network="amex"))["param"] == "gateway"


async def test_gateways_show_their_pointers(control: Control) -> None:
    listed = (await control.get("/gateways"))["data"]
    assert [gateway["name"] for gateway in listed] == ["stripe"]
    shown = await control.get("/gateways/stripe?mode=live")
    assert shown["livemode"] is True
    assert shown["pointer"]["epoch"] == 1
    assert "salt" not in str(shown)
    assert (await control.send("GET", "/gateways/paypal")).error["param"] == "id"


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
async def test_every_list_keeps_to_its_limit(control: Control, files: Files, limit: str) -> None:
    release = await created(control, files) if limit == "0" else (await control.get("/releases"))["data"][0]
    for path in ("/releases", "/gateways", "/refusals", "/journal", *_lists_of(release)):
        said = await control.send("GET", f"{path}?limit={limit}")
        assert (said.status, said.error["param"]) == (400, "limit"), path


def _lists_of(release: Any) -> tuple[str, str]:
    return (f"/releases/{release['id']}/evidence", f"/releases/{release['id']}/affected")
