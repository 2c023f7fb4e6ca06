"""What cases are built with: knowledge, documents and made-up accounts of one provider, and words of the templates.

Where the provider is not known, only what holds for every provider can be built.
"""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from interlock.base.money import Money
from interlock.gateways.contract import (
    CompleteRequest,
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    InquireRequest,
    Operation,
)
from interlock.gateways.manifest import Manifest
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.accounts import made_up_accounts
from interlock.releases.gates.contract.amounts import Amounts, amounts_of
from interlock.releases.gates.contract.documents import ProviderDocuments, documents_of
from interlock.releases.gates.contract.knowledge import Knowledge, Reply, knowledge_of
from interlock.releases.gates.contract.requests import NOW_MS
from interlock.releases.gates.contract.templates import Filler, Variant
from interlock.releases.gates.observation import Answer, Trace
from interlock.releases.gates.providers.tables import ProviderTable

_GENERIC_IDS = {"payment": "payment_MadeUpByTheGate1", "kept": "kept_MadeUpByTheGate1"}
SENT_S = NOW_MS // 1000


class Stage:
    """Builds the parts of cases for one manifest."""

    def __init__(
        self, manifest: Manifest, *, livemode: bool, specifications: Path | None, table: ProviderTable | None
    ) -> None:
        """Prepare.

        Args:
            manifest: of the package that is examined, or of what serves now.
            livemode: the mode that accounts and answers are of.
            specifications: the folder of published documents, None where it is not at hand.
            table: the switch's own table of the provider, None where nobody wrote one.

        """
        self.manifest = manifest
        self.table = table
        self.livemode = livemode
        self.knowledge: Knowledge | None = knowledge_of(manifest.name)
        self.documents: ProviderDocuments | None = (
            documents_of(manifest.name, specifications) if specifications is not None else None
        )
        self.accounts: dict[str, ConnectorConfig] = made_up_accounts(manifest, self.knowledge, livemode=livemode)
        self.ids = dict(self.knowledge.ids) if self.knowledge else dict(_GENERIC_IDS)
        self.amounts: Amounts = amounts_of(table, manifest)
        self.filler = Filler(self.knowledge, self.documents) if self.knowledge else None

    @property
    def payment(self) -> str:
        """Return the provider's name of the made-up payment."""
        return self.ids["payment"]

    def supports(self, operation: Operation) -> bool:
        """Return True when the manifest declares ``operation``."""
        return operation in self.manifest.capabilities.operations

    def context(
        self,
        account: str,
        request: OperationRequest,
        *,
        before: Sequence[Trace] = (),
        **more: Any,
    ) -> dict[str, Any]:
        """Return what ``$…`` stands for in a case that asks with ``request``."""
        money = request.amount
        about = request.original if isinstance(request, InquireRequest) else request
        payment = about.gateway_reference if isinstance(about, FollowOnRequest | CompleteRequest) else None
        livemode = self.accounts[account].livemode
        earlier = request.captured_before_minor if isinstance(request, FollowOnRequest) else 0
        values: dict[str, Any] = {
            **self.ids,
            "payment": payment or self.payment,
            "amount": self.amounts.express(money) or 0,
            "total": self.amounts.express(Money(money.amount_minor + earlier, money.currency)) or 0,
            "currency": money.currency,
            "CURRENCY": money.currency.upper(),
            "asked": [money.amount_minor, money.currency],
            "reference": request.reference,
            "livemode": livemode,
            "othermode": not livemode,
            "livemode_text": "true" if livemode else "false",
            "created_s": SENT_S - 5,
            "created_ms": (SENT_S - 5) * 1000,
            "any": "$any",
            "account": self.accounts[account].settings,
            "asked_request": request,
            **more,
        }
        for number, trace in enumerate(before, start=1):
            values[str(number)] = msgspec.to_builtins(trace.result) if trace.result is not None else {}
        return values

    def happy(
        self, account: str, operation: Operation, facets: Mapping[str, Any]
    ) -> Callable[[OperationRequest, Sequence[Trace]], Answer]:
        """Return answers as the provider gives them when all goes well; nothing where the provider is not known."""
        replies = self.knowledge.reply if self.knowledge else ()

        def answers(request: OperationRequest, _: Sequence[Trace]) -> Answer:
            values = self.context(account, request)

            def answer(made: HttpRequest, __: int) -> HttpResponse | None:
                reply = _reply(replies, made, operation, facets)
                return self.filler.answer(reply.answer, values) if reply and self.filler else None

            return answer

        return answers

    def answers_of(
        self,
        account: str,
        specs: Sequence[Mapping[str, Any]],
        *,
        variant: Variant = Variant.PLAIN,
        then: HttpResponse | None = None,
        **more: Any,
    ) -> Callable[[OperationRequest, Sequence[Trace]], Answer]:
        """Return the scripted answers ``specs``, filled for the request that is asked with.

        Args:
            account: who asks.
            specs: the answers in order; one that says ``repeat`` makes the last come again and again.
            variant: how much of the published objects they show.
            then: the answer to all further requests; none comes without it.
            more: what further words stand for.

        """
        filler = self.filler
        assert filler is not None
        repeat = any(spec.get("repeat") for spec in specs)

        def answers(request: OperationRequest, before: Sequence[Trace]) -> Answer:
            values = self.context(account, request, before=before, **more)
            made = [filler.answer(spec, values, variant) for spec in specs]

            def answer(_: HttpRequest, number: int) -> HttpResponse | None:
                return made[number] if number < len(made) else made[-1] if repeat else then

            return answer

        return answers


def _reply(
    replies: Sequence[Reply], made: HttpRequest, operation: Operation, facets: Mapping[str, Any]
) -> Reply | None:
    asked = f"{made.method} {urlsplit(made.path).path}"
    for reply in replies:
        meant = (not reply.operations or operation in reply.operations) and matches(reply.when, facets)
        if meant and fnmatch.fnmatchcase(asked, reply.request):
            return reply
    return None


def matches(when: Mapping[str, Any], facets: Mapping[str, Any]) -> bool:
    """Return True when ``facets`` have the values that ``when`` names (one of them, where it names a list)."""
    for name, wanted in when.items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        if facets.get(name) not in allowed:
            return False
    return True
