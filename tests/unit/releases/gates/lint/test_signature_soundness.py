"""The analysis of signatures is held against execution: programs are made at random and run, no signature genuine.

Whatever then returns something else than a refusal, the analysis must have said so beforehand.
"""

import ast
from itertools import cycle
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.gateways.contract import SignatureInvalid
from interlock.releases.gates.lint.code.abstraction import INVALID
from interlock.releases.gates.lint.code.following import Follower
from interlock.releases.gates.lint.code.source import Module

NAMES = st.sampled_from(["a", "b", "c"])
ROUNDS = range(3)
HEADER = """
import hmac
from interlock.gateways.contract import SignatureInvalid

def helper(a, b):
    if a:
        return SignatureInvalid("helper")
    return b and hmac.compare_digest("x", "y")

def parse():
    a = False
    b = None
    c = []
"""


def _expressions() -> st.SearchStrategy[str]:
    plain = st.one_of(
        NAMES,
        st.sampled_from(
            ["True", "False", "None", "[]", "unknown()", 'hmac.compare_digest("x", "y")', 'SignatureInvalid("no")']
        ),
    )

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
        return st.one_of(
            inner.map(lambda each: f"(not {each})"),
            inner.map(lambda each: f"bool({each})"),
            pairs.map(lambda each: f"({each[0]} {each[1]} {each[2]})"),
            st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} if {each[1]} else {each[2]})"),
            st.tuples(NAMES, inner).map(lambda each: f"({each[0]} := {each[1]})"),
            st.tuples(inner, st.sampled_from(["is None", "is not None", "is False", "is True"])).map(
                lambda each: f"({each[0]} {each[1]})"
            ),
            inner.map(lambda each: f"isinstance({each}, SignatureInvalid)"),
            st.tuples(inner, inner).map(lambda each: f"helper({each[0]}, {each[1]})"),
            st.tuples(st.sampled_from(["any", "all"]), inner, NAMES).map(
                lambda each: f"{each[0]}({each[1]} for one in several())"
            ),
        )

    return st.recursive(plain, deeper, max_leaves=4)


EXPRESSIONS = _expressions()


def _indented(block: list[str]) -> list[str]:
    return [f"    {line}" for line in block] or ["    pass"]


def _simple(*, in_loop: bool) -> st.SearchStrategy[list[str]]:
    leaving = [st.sampled_from([["break"], ["continue"]])] if in_loop else []
    return st.one_of(
        st.tuples(NAMES, EXPRESSIONS).map(lambda each: [f"{each[0]} = {each[1]}"]),
        EXPRESSIONS.map(lambda each: [each]),
        EXPRESSIONS.map(lambda each: [f"return {each}"]),
        NAMES.map(lambda each: [f"if hasattr({each}, 'append'):", f"    {each}.append(1)"]),
        st.just(["raise ValueError"]),
        *leaving,
    )


def _blocks(depth: int, *, in_loop: bool = False) -> st.SearchStrategy[list[str]]:
    simple = _simple(in_loop=in_loop)
    if depth == 0:
        statement = simple
    else:
        inner, looped = _blocks(depth - 1, in_loop=in_loop), _blocks(depth - 1, in_loop=True)
        statement = st.one_of(
            simple,
            st.tuples(EXPRESSIONS, inner, inner).map(
                lambda each: [f"if {each[0]}:", *_indented(each[1]), "else:", *_indented(each[2])]
            ),
            st.tuples(looped, inner).map(
                lambda each: ["for one in several():", *_indented(each[0]), "else:", *_indented(each[1])]
            ),
            st.tuples(EXPRESSIONS, looped).map(
                lambda each: [f"while ticks() and {each[0]}:", *_indented(each[1])],
            ),
            st.tuples(inner, inner, inner).map(
                lambda each: [
                    "try:",
                    *_indented(each[0]),
                    "except ValueError as b:",
                    *_indented(["b = False", *each[1]]),
                    "else:",
                    *_indented(each[2]),
                ]
            ),
            st.tuples(inner, _blocks(0)).map(
                lambda each: ["try:", *_indented(each[0]), "finally:", *_indented(each[1])]
            ),
        )
    return st.lists(statement, max_size=4).map(lambda found: [line for block in found for line in block])


def believes(source: str, bits: list[bool]) -> bool:
    """Run ``parse`` with ``bits`` for what is unknown; return True where a forged notification is taken for genuine."""
    drawn = cycle(bits)
    rounds = iter(ROUNDS)
    names: dict[str, Any] = {
        "unknown": lambda: next(drawn),
        "several": lambda: [1] * sum([next(drawn), next(drawn)]),
        "ticks": lambda: next(rounds, None) is not None,
    }
    exec(compile(source, "made", "exec"), names)  # noqa: S102 - the program was made here
    names["hmac"] = SimpleNamespace(compare_digest=lambda *_: False)
    try:
        answer = names["parse"]()
    except (ValueError, TypeError, AttributeError, NameError):
        return False
    return not isinstance(answer, SignatureInvalid)


@given(_blocks(2), st.lists(st.booleans(), min_size=1, max_size=12))
@settings(max_examples=250, deadline=None)
def test_what_believes_a_forged_notification_is_known_beforehand(block: list[str], bits: list[bool]) -> None:
    source = HEADER + "\n".join([*_indented(block), '    return SignatureInvalid("end")', ""])
    module = Module("notifications.py", source, ast.parse(source))
    refuses = not Follower({"notifications.py": module}).returns(module, module.functions["parse"]) - INVALID
    assert not (refuses and believes(source, bits)), source
