"""What the gate cannot know it says and holds the release for; what it can know it still stops."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.acme import CONNECTOR, TABLE
from tests.support.acme import package as acme
from tests.support.contract import examine
from tests.support.lint import edited

from interlock.gateways.loader import builtin_package, known_gateways
from interlock.gateways.package import Package
from interlock.releases.gates.contract import nursery_for, run
from interlock.releases.gates.contract.cases import Group
from interlock.releases.gates.isolation import Nursery
from interlock.releases.gates.types import GateReport, Subject, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    manifests = tuple(builtin_package(name).manifest for name in known_gateways())
    async with nursery_for(Subject(package=acme(), livemode=False), manifests=manifests) as warm:
        yield warm


async def report_of(package: Package, nursery: Nursery, folder: Path | None = None, *, soon: bool = True) -> GateReport:
    subject = Subject(package=package, livemode=False, specifications=folder)
    return await run(subject, lambda *_: None, nursery=nursery, stop_at_first=soon)


@pytest.mark.parametrize("name", known_gateways())
async def test_without_published_documents_a_sound_release_is_held_and_told_what_was_not_looked_at(name: str) -> None:
    found = examine(builtin_package(name), None, twice=False)
    (finding,) = found.findings
    assert (finding.check, finding.verdict) == ("contract.document", Verdict.INCONCLUSIVE)
    assert "no request was held against them" in finding.problem
    assert ".json" in finding.remedy
    assert "contract.document" not in found.checks


async def test_a_folder_that_does_not_hold_the_documents_is_told_as_well(tmp_path: Path) -> None:
    found = examine(builtin_package("adyen"), tmp_path, Group.WEBHOOK, twice=False)
    assert [(one.check, one.verdict) for one in found.findings] == [("contract.document", Verdict.INCONCLUSIVE)]


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        ("forms.py", "to_provider(money, tables.currency_exponents)", "money.amount_minor * 100", "amount"),
        ("forms.py", "confirmation_method=manual", "confirmation_mode=manual", "fields"),
        ("http.py", '"stripe-version": tables.api_version', '"stripe-version": ""', "headers"),
        ("manifest.toml", 'requires_payment_method = "declined"', 'requires_payment_method = "approved"', "answers"),
        ("notifications.py", "hmac.compare_digest(expected, signature)", "expected[:8] == signature[:8]", "signatures"),
    ],
)
async def test_without_published_documents_what_is_wrong_is_stopped_all_the_same(
    nursery: Nursery, file: str, old: str, new: str, check: str
) -> None:
    report = await report_of(edited("stripe", file, old, new), nursery)
    assert report.verdict is Verdict.FAILED
    assert f"contract.{check}" in {one.check for one in report.findings if one.verdict is Verdict.FAILED}


async def test_an_honest_connector_of_an_unknown_provider_is_held_with_a_sentence_for_each_thing_nobody_wrote_down(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INTERLOCK_PROVIDERS", raising=False)
    report = await report_of(acme(), nursery, soon=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert {one.check for one in report.findings} == {"contract.table", "contract.expectations"}
    assert {"contract.amount", "contract.idempotency", "contract.hostile", "contract.purity"} <= set(report.checks)


async def test_a_table_that_an_operator_wrote_is_used(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.toml").write_text(TABLE)
    monkeypatch.setenv("INTERLOCK_PROVIDERS", str(tmp_path))
    report = await report_of(acme(), nursery)
    assert {one.check for one in report.findings} == {"contract.expectations"}


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ("amount = to_provider(request.amount, self._tables.currency_exponents)", "amount = 1", "amount"),
        ('"currency": request.amount.currency', '"currency": "usd"', "amount"),
        ('"request-key": key', '"request-key": key[:9]', "idempotency"),
        ('"authorization": f"Bearer {config.credentials[\'token\']}", "request-key"', '"request-key"', "headers"),
        (
            'return unknown("unreadable", f"HTTP {response.status}")',
            "return Result(outcome=Outcome.DECLINED)",
            "hostile",
        ),
        (
            "except UNREADABLE:\n            return unknown",
            "except UnicodeDecodeError:\n            return unknown",
            "exceptions",
        ),
        ("quote(request.gateway_reference, safe='')", "request.gateway_reference", "wire"),
    ],
)
async def test_what_holds_for_every_provider_is_stopped_in_a_connector_that_nobody_knows(
    nursery: Nursery, old: str, new: str, check: str
) -> None:
    assert old in CONNECTOR
    report = await report_of(acme(CONNECTOR.replace(old, new, 1)), nursery, soon=False)
    assert report.verdict is Verdict.FAILED
    assert f"contract.{check}" in {one.check for one in report.findings if one.verdict is Verdict.FAILED}
