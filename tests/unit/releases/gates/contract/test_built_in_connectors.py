"""The connectors that come with the product pass without a finding, in either mode, and nothing is left unlooked at."""

from pathlib import Path

import pytest

from interlock.gateways.loader import builtin_package, known_gateways, load_package
from interlock.releases.gates.contract import corpus_of
from interlock.releases.gates.contract.cases import Group
from interlock.releases.gates.contract.examination import examined
from interlock.releases.gates.providers.tables import provider_table


@pytest.mark.parametrize("livemode", [False, True], ids=["test", "live"])
@pytest.mark.parametrize("name", known_gateways())
def test_a_built_in_connector_passes_without_a_finding(specs: Path, name: str, livemode: bool) -> None:
    loaded = load_package(builtin_package(name))
    corpus = corpus_of(loaded.manifest, livemode=livemode, specifications=specs, table=provider_table(name))
    found = examined(loaded, corpus, lambda *_: None, twice=False)
    assert found.findings == ()
    assert found.left_out == ()
    assert set(found.measured["cases"]) == set(Group)
    assert found.measured["requests"] > 5_000
    assert all(found.checks.values())
