"""Gate ``contract``: a package runs through thousands of made-up cases without a wire, and every request, every reading
of an answer and every webhook is held against what the provider publishes.

Whoever runs gates calls :func:`run`; the gate ``shadow`` calls :func:`observe_as`; the mutation benchmark asks a keeper
of the task ``contract_compare`` for a :class:`Comparison`.
"""

from interlock.releases.gates.contract.comparing import Compared, Comparison, Known, Touch
from interlock.releases.gates.contract.corpus import Corpus, corpus_of, observe, observe_as
from interlock.releases.gates.contract.gate import nursery_for, run

__all__ = [
    "Compared",
    "Comparison",
    "Corpus",
    "Known",
    "Touch",
    "corpus_of",
    "nursery_for",
    "observe",
    "observe_as",
    "run",
]
