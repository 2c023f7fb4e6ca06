"""How fast can any test of the assignment be? The bound that delays are compared with.

Among payments that are treated with probability f, independent of everything, only the pairing of arm and verdict tells
whether the release is at fault. With d0 and d1 the bad rates of stable and candidate and m = f·d1 + (1 - f)·d0, the
expected growth of the best possible stake per payment (it knows both rates) is the mutual information of arm and
verdict,

    I_f = f·KL(d1 || m) + (1 - f)·KL(d0 || m)        KL of two Bernoulli laws, natural logarithm

A stake has to grow to 1/alpha, so no test with that error probability needs fewer than ln(1/alpha)/I_f payments on
average, up to what it overshoots, and f times as many on the candidate (Wald 1945; Chernoff 1959).
"""

import math


def information(share: float, stable_bad: float, candidate_bad: float) -> float:
    """Return I_f in nats per payment for the share f of the candidate and the two bad rates."""
    mixed = share * candidate_bad + (1.0 - share) * stable_bad
    return share * _divergence(candidate_bad, mixed) + (1.0 - share) * _divergence(stable_bad, mixed)


def candidate_payments(share: float, stable_bad: float, candidate_bad: float, alpha: float) -> float:
    """Return the least number of candidate payments until rollback, on average: f·ln(1/alpha)/I_f."""
    return share * math.log(1.0 / alpha) / information(share, stable_bad, candidate_bad)


def _divergence(rate: float, other: float) -> float:
    return _term(rate, other) + _term(1.0 - rate, 1.0 - other)


def _term(rate: float, other: float) -> float:
    return rate * math.log(rate / other) if rate > 0.0 else 0.0
