"""The corpus: every case and delivery for one manifest, in a fixed order, and what a connector does with all of it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.contract.answering import answering
from interlock.releases.gates.contract.cases import Case, Delivery, deliver, perform
from interlock.releases.gates.contract.conversing import conversing
from interlock.releases.gates.contract.forgeries import forgeries
from interlock.releases.gates.contract.hooks import hooks
from interlock.releases.gates.contract.hostile import hostile
from interlock.releases.gates.contract.matrix import matrix
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import Trace
from interlock.releases.gates.providers.tables import ProviderTable, provider_table


class Corpus(msgspec.Struct, frozen=True):
    """Cases and deliveries, each with a name of its own, and the stage they were built with."""

    stage: Stage
    cases: tuple[Case, ...]
    deliveries: tuple[Delivery, ...]


def corpus_of(
    manifest: Manifest,
    *,
    livemode: bool = False,
    specifications: Path | None = None,
    table: ProviderTable | None = None,
) -> Corpus:
    """Return the corpus for what ``manifest`` can do; the same for the same arguments.

    Args:
        manifest: of the package that is examined. To compare two, build one corpus, from what serves now.
        livemode: the mode of the made-up accounts.
        specifications: the folder of the providers' published documents, None where it is not at hand: without it
            there are fewer answers and events.
        table: the switch's table of the provider (``providers.provider_table``), None where nobody wrote one.

    """
    stage = Stage(manifest, livemode=livemode, specifications=specifications, table=table)
    cases = (*matrix(stage), *answering(stage), *conversing(stage), *hostile(stage))
    return Corpus(stage, cases, (*hooks(stage), *forgeries(stage)))


def observe(loaded: LoadedConnector, corpus: Corpus) -> list[Trace]:
    """Return what the connector does with everything in ``corpus``, in its order, with made-up accounts.

    Runs the connector in this process: of code that is not trusted, ask in isolation (the task ``contract_compare``).

    Args:
        loaded: the connector.
        corpus: what :func:`corpus_of` returned, of this connector's manifest or of one it is compared with.

    """
    return list(_traces(loaded, corpus))


def observe_as(loaded: LoadedConnector, config: ConnectorConfig, manifest: Manifest) -> list[Trace]:
    """Return what the connector does with the whole corpus of ``manifest``, to be compared with another's.

    Runs the connector in this process, and needs no published documents.

    Args:
        loaded: the connector.
        config: tells the mode; the accounts are made up.
        manifest: of the release that both are compared over: one manifest, one corpus.

    """
    table = provider_table(manifest.name)
    return observe(loaded, corpus_of(manifest, livemode=config.livemode, table=table))


def _traces(loaded: LoadedConnector, corpus: Corpus) -> Iterator[Trace]:
    accounts = corpus.stage.accounts
    for case in corpus.cases:
        yield from perform(loaded, accounts[case.account], case).traces
    for delivery in corpus.deliveries:
        yield deliver(loaded, accounts[delivery.account], delivery)
