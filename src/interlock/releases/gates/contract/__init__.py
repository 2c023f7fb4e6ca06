"""Gate ``contract``: a package runs through thousands of made-up cases without a wire, and every request, every reading
of an answer and every webhook is held against what the provider publishes.

Whoever runs gates calls :func:`run`; the gate ``shadow``, the release diff and the mutation benchmark call
:func:`observe` over :func:`corpus_of`.
"""

from interlock.releases.gates.contract.corpus import Corpus, corpus_of, observe
from interlock.releases.gates.contract.gate import nursery_for, run

__all__ = ["Corpus", "corpus_of", "nursery_for", "observe", "run"]
