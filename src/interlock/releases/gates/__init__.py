"""Gates: the checks a release must pass before it takes money, each with evidence that a person can read.

Called by ``releases.service``, ``cli`` and the benchmarks. A gate judges; it changes nothing.
"""
