"""A recorded answer goes to the request that asks what was asked then; synthetic cases are compared in the same way."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from tests.support import shadow_corpus
from tests.support.shadow_edits import announcing, edited, renamed
from tests.support.shadow_keeper import NO_CASES, one_keeper, verdict
from tests.support.shadow_recordings import recording

from interlock.gateways.loader import builtin_package, load
from interlock.gateways.package import Package
from interlock.releases.gates.isolation import Report
from interlock.releases.gates.shadow import Recordings, apart, corpus, gate, run
from interlock.releases.gates.shadow.replaying import Replay, Replayed, Rerun, replay
from interlock.releases.gates.shadow.stand_ins import config_of
from interlock.releases.gates.shadow.types import RecordedAnswer, RecordedSend
from interlock.releases.gates.types import GateReport, Subject, Verdict

SALE = recording()
GIVEN = Recordings(connector="adyen", livemode=False, recordings=(SALE,) * 20)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _keeper() -> AsyncIterator[None]:
    async with one_keeper():
        yield


@pytest.fixture
def _with_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the tests' own synthetic cases, in this process: a keeper imports nothing but what is installed."""

    async def here(_nursery: object, task: Replay, report: Report) -> Replayed:
        return replay(task, report)

    monkeypatch.setattr(corpus, "CONTRACT", f"{shadow_corpus.__name__}:observe")
    monkeypatch.setattr(gate, "replay_apart", here)


async def test_a_second_request_gets_the_answer_of_its_own_path() -> None:
    cancel = RecordedSend(method="POST", path="/payments/MX1G72CULQ69WSL5/cancels")
    released = RecordedAnswer(
        status=201, body='{"pspReference":"X","paymentPspReference":"MX1G72CULQ69WSL5","status":"received"}'
    )
    part = msgspec.json.decode(SALE.answers[0].body) | {"resultCode": "PartiallyAuthorised"}
    taken = msgspec.structs.replace(SALE.answers[0], body=msgspec.json.encode(part).decode())
    for order in (0, 1):
        sent, answers = [SALE.sent[0], cancel], [taken, released]
        if order:
            sent.reverse()
            answers.reverse()
        one = msgspec.structs.replace(SALE, sent=tuple(sent), answers=tuple(answers))
        config = config_of(SALE.config, [load("adyen").manifest])
        done = replay(
            Replay(package=builtin_package("adyen"), configs=(config,), recordings=(one,), reruns=(Rerun(recording=0),))
        )
        trace = done.observed[0].trace
        assert [request.path for request in trace.requests] == ["/payments", cancel.path]
        assert trace.result is not None
        assert trace.result.outcome == "declined"


async def judged(package: object, **changes: object) -> GateReport:
    subject = msgspec.structs.replace(
        Subject(package=builtin_package("adyen"), livemode=False, stable=builtin_package("adyen")), package=package
    )
    return await run(subject, lambda *_: None, msgspec.structs.replace(GIVEN, **changes))


async def test_a_path_that_changed_is_one_difference_and_its_answer_is_still_read() -> None:
    package = edited(
        "adyen", ("connector.py", 'post(config, "/payments", request', 'post(config, "/payments2", request')
    )
    report = await judged(package)
    assert [each.facts["place"] for each in report.findings if each.facts] == ["request path"]


async def test_a_host_that_changed_is_a_difference() -> None:
    old = "https://checkout-test.adyen.com/v72"
    report = await judged(edited("adyen", ("manifest.toml", old, old.replace("checkout-test", "checkout-live"))))
    assert [(each.facts["place"], each.facts["count"]) for each in report.findings if each.facts] == [
        ("request host", 1)
    ]


async def test_what_the_serving_release_does_not_ask_any_more_proves_nothing() -> None:
    other = msgspec.structs.replace(SALE, sent=(msgspec.structs.replace(SALE.sent[0], path="/old"),))
    report = await judged(builtin_package("adyen"), recordings=(other,) * 25)
    assert (verdict(report), report.measured["replayed"]) == (Verdict.INCONCLUSIVE, 0)
    assert report.measured["left_out"] == {"the release that serves now asks otherwise than was recorded": 25}


async def test_an_answer_whose_reference_was_redacted_proves_nothing() -> None:
    body = SALE.answers[0].body.replace(SALE.request.fields["reference"], "1000000000000009")
    answer = msgspec.structs.replace(SALE.answers[0], body=body)
    marked = msgspec.structs.replace(SALE, answers=(answer,), marked=True)
    report = await judged(builtin_package("adyen"), recordings=(marked,) * 25)
    assert report.measured["left_out"] == {"redaction took what the answer is recognised by": 25}


@pytest.mark.usefixtures("_with_corpus")
async def test_synthetic_cases_and_their_signed_webhooks_are_compared_too() -> None:
    same = await judged(renamed("adyen"))
    assert (same.verdict, same.checks["shadow.corpus"], same.checks["shadow.webhook"]) == (Verdict.PASSED, 3, 2)
    deaf = edited("adyen", ("notifications.py", '"CHARGEBACK": ', '"CHARGEBACK_": '))
    report = await judged(deaf)
    assert report.verdict is Verdict.FAILED
    assert {each.check for each in report.findings} == {"shadow.corpus"}
    assert any("of 2 synthetic webhooks" in each.problem for each in report.findings)
    announced = await judged(edited("adyen", manifest=announcing("request /nothing/of/that/kind")))
    assert announced.verdict is Verdict.INCONCLUSIVE


async def test_cases_that_are_not_there_are_not_at_hand() -> None:
    assert not corpus.at_hand("interlock.nothing.of:observe")
    assert not corpus.at_hand("interlock.gateways.contract:observe")
    assert corpus.at_hand(f"{shadow_corpus.__name__}:observe")


async def test_without_synthetic_cases_a_release_is_held_and_told_what_was_not_compared() -> None:
    report = await judged(renamed("adyen"))
    assert corpus.CONTRACT == NO_CASES
    assert (verdict(report), report.verdict) == (Verdict.PASSED, Verdict.INCONCLUSIVE)
    (finding,) = report.findings
    assert finding.sentence().startswith("synthetic cases: the contract gate's cases are not at hand, so webhooks")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("    while True: pass\n", "bodies.py:{line}: used more than 0.3 s of processor time in one step"),
        ("    import os; os._exit(0)\n", "bodies.py:{line}: ends the process (_exit)"),
        ("    import socket; socket.socket()\n", "bodies.py:{line}: opens a socket (socket.__new__)"),
        ("    bytearray(1 << 40)\n", ""),
    ],
)
async def test_a_candidate_that_misbehaves_fails_with_its_line_and_the_gate_goes_on(
    monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    monkeypatch.setattr(apart, "LIMITS", msgspec.structs.replace(apart.LIMITS, step_cpu_ms=300))
    kept = '        body["metadata"] = metadata\n'
    old = f"{kept}    return msgspec.json.encode(body)\n"
    package = edited("adyen", ("bodies.py", old, kept + code + "    return msgspec.json.encode(body)\n"))
    report = await judged(package)
    assert report.verdict is Verdict.FAILED
    if said:
        line = package.files["bodies.py"].decode().partition(code)[0].count("\n") + 1
        (finding,) = [each for each in report.findings if each.verdict is Verdict.FAILED]
        assert (finding.where, finding.problem) == ("the candidate", said.format(line=line))
    else:  # an error like any other that a connector raises
        assert [each.facts["place"] for each in report.findings if each.facts] == ["error"]
    assert verdict(await judged(renamed("adyen"))) is Verdict.PASSED


async def test_a_value_of_a_wrong_type_is_an_error_of_the_release() -> None:
    package = edited("adyen", ("answers.py", 'authorisation_code=text_of(data, "authCode")', "authorisation_code=5"))
    report = await judged(package)
    (finding,) = [each for each in report.findings if each.facts]
    assert finding.facts["place"] == "error"
    assert "wrong value in result.authorisation_code: Expected `str | null`, got `int`" in finding.problem


def without_voids() -> Package:
    return edited(
        "adyen",
        ("manifest.toml", '"increment", "void", "refund", "verify"', '"increment", "refund", "verify"'),
        ("manifest.toml", '"increment", "void", "refund"]', '"increment", "refund"]'),
    )


async def test_an_operation_of_real_traffic_that_the_candidate_cannot_do_any_more_stops_it() -> None:
    report = await judged(without_voids(), traffic={"void": 7, "sale": 20})
    assert [each.sentence().partition(";")[0] for each in report.findings if each.verdict is Verdict.FAILED] == [
        "void capabilities operations: the candidate cannot do void, which was done 7 times in the last 30 days"
    ]
    report = await judged(builtin_package("adyen"), traffic={"void": 7, "sale": 20})
    assert verdict(report) is Verdict.INCONCLUSIVE
