"""A recorded answer goes to the request that asks what was asked then; synthetic cases are compared in the same way."""

from collections.abc import Iterator

import msgspec
import pytest
from tests.support import shadow_corpus
from tests.support.shadow_edits import announcing, edited, renamed
from tests.support.shadow_recordings import recording

from interlock.gateways.loader import builtin_package, load
from interlock.releases.gates.shadow import Recordings, corpus, run
from interlock.releases.gates.shadow.replaying import Replay, Rerun, replay
from interlock.releases.gates.shadow.stand_ins import config_of
from interlock.releases.gates.shadow.types import RecordedAnswer, RecordedSend
from interlock.releases.gates.types import GateReport, Subject, Verdict

SALE = recording()
GIVEN = Recordings(connector="adyen", livemode=False, recordings=(SALE,) * 20)


@pytest.fixture
def _with_corpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(corpus, "CONTRACT", f"{shadow_corpus.__name__}:observe")
    yield


def test_a_second_request_gets_the_answer_of_its_own_path() -> None:
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
    assert [each.facts["place"] for each in report.findings] == ["request path"]


async def test_a_host_that_changed_is_a_difference() -> None:
    old = "https://checkout-test.adyen.com/v72"
    report = await judged(edited("adyen", ("manifest.toml", old, old.replace("checkout-test", "checkout-live"))))
    assert [(each.facts["place"], each.facts["count"]) for each in report.findings] == [("request host", 1)]


async def test_what_the_serving_release_does_not_ask_any_more_proves_nothing() -> None:
    other = msgspec.structs.replace(SALE, sent=(msgspec.structs.replace(SALE.sent[0], path="/old"),))
    report = await judged(builtin_package("adyen"), recordings=(other,) * 25)
    assert (report.verdict, report.measured["replayed"]) == (Verdict.INCONCLUSIVE, 0)
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


def test_cases_that_are_not_there_are_not_at_hand() -> None:
    assert not corpus.at_hand("interlock.nothing.of:observe")
    assert not corpus.at_hand("interlock.gateways.contract:observe")
    assert corpus.at_hand(f"{shadow_corpus.__name__}:observe")
