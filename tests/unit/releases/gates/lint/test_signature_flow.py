"""Whether a notification can be believed without a genuine signature is seen from the code, in either style."""

import ast
import textwrap

import pytest
from tests.support import acme
from tests.support.lint import findings_of, named

from interlock.releases.gates.lint.code.abstraction import INVALID, Follower
from interlock.releases.gates.lint.code.patterns import takes_for_ever
from interlock.releases.gates.lint.code.source import Module

REFUSING = [
    # a reason or None
    """
    def check(header, body):
        for secret in header:
            if hmac.compare_digest(secret, body):
                return None
        return "no match"
    def parse(header, body):
        reason = check(header, body)
        if reason is not None:
            return SignatureInvalid(reason)
        return [1]
    """,
    # true or false
    """
    def genuine(header, body):
        ok = False
        for secret in header:
            ok = ok or hmac.compare_digest(secret, body)
        return ok
    def parse(header, body):
        if genuine(header, body):
            return [1]
        return SignatureInvalid("no")
    """,
    # any
    """
    def parse(header, body):
        if not any(hmac.compare_digest(secret, body) for secret in header):
            return SignatureInvalid("no")
        return [1]
    """,
    # with try and walrus
    """
    def check(header, body):
        try:
            ok = hmac.compare_digest(header, body)
        except TypeError:
            return SignatureInvalid("malformed")
        return None if ok else SignatureInvalid("no")
    def parse(header, body):
        if (problem := check(header, body)):
            return problem
        return [1]
    """,
    # an early refusal, a while loop, isinstance
    """
    def read(header, body):
        index = 0
        while index < 4:
            if hmac.compare_digest(header[index], body):
                return [1]
            index = index + 1
        return SignatureInvalid("no")
    def parse(header, body):
        if not header:
            return SignatureInvalid("absent")
        found = read(header, body)
        if isinstance(found, SignatureInvalid):
            return found
        return found + [2]
    """,
    # an exception is no notification either
    """
    def parse(header, body):
        ok = hmac.compare_digest(header, body)
        if ok is False:
            raise ValueError("forged")
        return [1]
    """,
    # match and conditional expression
    """
    def parse(header, body):
        match hmac.compare_digest(header, body) & bool(body):
            case _:
                pass
        return [1] if hmac.compare_digest(header, body) and body else SignatureInvalid("no")
    """,
]
BELIEVING = [
    """
    def parse(header, body):
        hmac.compare_digest(header, body)
        return [1]
    """,
    """
    def parse(header, body):
        if hmac.compare_digest(header, body) or not header:
            return [1]
        return SignatureInvalid('no')
    """,
    """
    def parse(header, body):
        if not header:
            return []
        if not hmac.compare_digest(header, body):
            return SignatureInvalid('no')
        return [1]
    """,
    """
    def parse(header, body):
        try:
            if not hmac.compare_digest(header, body):
                raise ValueError
        except ValueError:
            pass
        return [1]
    """,
    """
    def parse(header, body):
        ok = True
        for one in header:
            ok = hmac.compare_digest(one, body)
        if ok:
            return [1]
        return SignatureInvalid('no')
    """,
    """
    def parse(header, body):
        for one in header:
            if not hmac.compare_digest(one, body):
                return SignatureInvalid('no')
        return [1]
    """,
    """
    def check(header, body):
        return hmac.compare_digest(header, body)
    def parse(header, body):
        check(header, body)
        return [1]
    """,
    """
    def check(header, body):
        if not body:
            return True
        return hmac.compare_digest(header, body)
    def parse(header, body):
        if not check(header, body):
            return SignatureInvalid('no')
        return [1]
    """,
    """
    def parse(header, body):
        if hmac.compare_digest(header, body):
            return SignatureInvalid('no')
        return [1]
    """,
    """
    def parse(header, body):
        ok = hmac.compare_digest(header, body)
        if ok is not None:
            return [1]
        return SignatureInvalid('no')
    """,
    """
    def parse(header, body):
        return parse(header, body) if hmac.compare_digest(header, body) else parse(header, body)
    """,
    """
    def parse(header, body):
        try:
            return SignatureInvalid('no') if not hmac.compare_digest(header, body) else [1]
        finally:
            return [1]
    """,
]


def may_return(source: str) -> tuple[bool, int]:
    text = "import hmac\nfrom interlock.gateways.contract import SignatureInvalid\n" + textwrap.dedent(source)
    module = Module("notifications.py", text, ast.parse(text))
    follower = Follower({"notifications.py": module})
    return not follower.returns(module, module.functions["parse"]) - INVALID, follower.compared


@pytest.mark.parametrize("source", REFUSING)
def test_code_that_refuses_without_a_genuine_signature_is_seen_to(source: str) -> None:
    refuses, compared = may_return(source)
    assert refuses
    assert compared


@pytest.mark.parametrize("source", BELIEVING)
def test_code_that_can_believe_without_one_is_seen_to(source: str) -> None:
    refuses, _ = may_return(source)
    assert not refuses


def test_a_connector_that_compares_nothing_is_found() -> None:
    connector = acme.CONNECTOR.replace("if not hmac.compare_digest(expected, given):", "if not expected:")
    (finding,) = named(findings_of(acme.package(connector)), "signature")
    assert "compares no signature" in finding.problem


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(ab|[a-c]+)*",
        "(?:[a-z]+,?)*",
        "([0-9]+|x)*",
        "^(\\w+\\s?)*$",
        "(?:a{1,20}){1,20}",
        "(a?){30}a{30}",
        "(?:a{0,12}){12}",
        "((a*)b?)*",
    ],
)
def test_a_pattern_that_can_take_for_ever_is_known(pattern: str) -> None:
    assert takes_for_ever(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "whsec_[A-Za-z0-9+/=_]+(,whsec_[A-Za-z0-9+/=_]+)*",
        "[a-z]+",
        "(ab)+",
        "(?:,[^,]+)*",
        "a{3}(b{2})*",
        "(?:[0-9]{1,3}x){3}",
        "(?>a+)+",
        "(",
        "(?:-[0-9]{1,4})+",
        "^[a-z]+(?:\\.\\d+)*$",
    ],
)
def test_a_pattern_that_ends_soon_is_let_be(pattern: str) -> None:
    assert not takes_for_ever(pattern)
