"""Whether a notification can be believed without a genuine signature is seen from the code, in either style."""

import ast
import textwrap

import pytest
from tests.support import acme
from tests.support.lint import findings_of, named

from interlock.releases.gates.lint.code.abstraction import INVALID
from interlock.releases.gates.lint.code.following import Follower
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
    # all of what is known to be something
    """
    def parse(header, body):
        keys = header.split(",")
        if not keys:
            return SignatureInvalid("no key")
        if not all(hmac.compare_digest(key, body) for key in keys):
            return SignatureInvalid("no")
        return [1]
    """,
    # a list of what matches
    """
    def parse(header, body):
        matching = []
        for one in header:
            if hmac.compare_digest(one, body):
                matching.append(one)
        return [1] if matching else SignatureInvalid("no")
    """,
    # a loop that ends without a break
    """
    def parse(header, body):
        for one in header:
            if hmac.compare_digest(one, body):
                break
        else:
            return SignatureInvalid("no")
        return [1]
    """,
    # what stands behind an and that fails
    """
    def parse(header, body):
        ok = False
        if hmac.compare_digest(header, body) and (ok := True):
            pass
        return [1] if ok else SignatureInvalid("no")
    """,
    # false, said so
    """
    def parse(header, body):
        if hmac.compare_digest(header, body) is False:
            return SignatureInvalid("no")
        return [1]
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
    # a function that is awaited, which is never false
    """
    async def check(header, body):
        return hmac.compare_digest(header, body)
    def parse(header, body):
        if not check(header, body):
            return SignatureInvalid("no")
        return [1]
    """,
    # a decorator that may answer by itself
    """
    @trusting
    def check(header, body):
        return hmac.compare_digest(header, body)
    def parse(header, body):
        if not check(header, body):
            return SignatureInvalid("no")
        return [1]
    """,
    # groups of exceptions
    """
    def parse(header, body):
        try:
            if not hmac.compare_digest(header, body):
                raise ValueError
        except* ValueError:
            pass
        return [1]
    """,
    # a list filled by its other name
    """
    def parse(header, body):
        matching = []
        other = matching
        hmac.compare_digest(header, body)
        other.append(1)
        return [1] if matching else SignatureInvalid("no")
    """,
    # all of nothing is true
    """
    def parse(header, body):
        if not all(hmac.compare_digest(secret, body) for secret in header):
            return SignatureInvalid("no")
        return [1]
    """,
    # set before the exception
    """
    def parse(header, body):
        ok = False
        try:
            ok = True
            if not hmac.compare_digest(header, body):
                raise ValueError
        except ValueError:
            pass
        return [1] if ok else SignatureInvalid("no")
    """,
    # passed on from round to round
    """
    def parse(header, body):
        ok = first = second = third = False
        for one in header:
            ok, = [ok]
            hmac.compare_digest(one, body)
        a = False
        b = False
        c = False
        d = False
        for one in header:
            a = b
            b = c
            c = d
            d = True
        return [1] if a else SignatureInvalid("no")
    """,
    # a name with a meaning of its own
    """
    def check(header, body):
        return hmac.compare_digest(header, body)
    def parse(header, body):
        def check(header, body):
            return True
        if check(header, body):
            return [1]
        return SignatureInvalid("no")
    """,
    # what is managed may swallow an exception
    """
    def parse(header, body):
        with suppress(ValueError):
            if not hmac.compare_digest(header, body):
                raise ValueError
            return SignatureInvalid("no")
        return [1]
    """,
    # assigned inside a comprehension
    """
    def parse(header, body):
        ok = False
        [ok := True for one in header]
        hmac.compare_digest(header, body)
        return [1] if ok else SignatureInvalid("no")
    """,
    # changed by a function inside
    """
    def parse(header, body):
        ok = False
        def inner():
            nonlocal ok
            ok = True
        inner()
        hmac.compare_digest(header, body)
        return [1] if ok else SignatureInvalid("no")
    """,
    # named by with
    """
    def parse(header, body):
        ok = False
        hmac.compare_digest(header, body)
        with header as ok:
            pass
        return [1] if ok else SignatureInvalid("no")
    """,
    # named by a pattern
    """
    def parse(header, body):
        ok = False
        hmac.compare_digest(header, body)
        match header:
            case [ok]:
                pass
        return [1] if ok else SignatureInvalid("no")
    """,
    # named by a handler
    """
    def parse(header, body):
        ok = None
        try:
            hmac.compare_digest(header, body)
        except TypeError as ok:
            if ok:
                return [1]
        return SignatureInvalid("no")
    """,
    # assigned inside a call
    """
    def parse(header, body):
        ok = False
        hmac.compare_digest(header, body)
        str(len([(ok := True)]))
        return [1] if ok else SignatureInvalid("no")
    """,
    # a finally that breaks out
    """
    def parse(header, body):
        hmac.compare_digest(header, body)
        while True:
            try:
                return SignatureInvalid("no")
            finally:
                break
        return [1]
    """,
    # a list that is filled all the same
    """
    def parse(header, body):
        good = []
        for one in header:
            hmac.compare_digest(one, body)
            good.append(one)
        return [1] if good else SignatureInvalid("no")
    """,
    # a list that grows
    """
    def parse(header, body):
        good = []
        good += [1]
        hmac.compare_digest(header, body)
        return [1] if good else SignatureInvalid("no")
    """,
    # refused only sometimes
    """
    def parse(header, body):
        if not hmac.compare_digest(header, body) and header:
            return SignatureInvalid("no")
        return [1]
    """,
    # a default that lets by
    """
    def check(header, body, strict=False):
        if not strict:
            return True
        return hmac.compare_digest(header, body)
    def parse(header, body):
        if not check(header, body):
            return SignatureInvalid("no")
        return [1]
    """,
    # an argument that lets by
    """
    def check(header, body, skip):
        if skip:
            return True
        return hmac.compare_digest(header, body)
    def parse(header, body):
        if not check(header, body, skip=True):
            return SignatureInvalid("no")
        return [1]
    """,
    # a break on failure
    """
    def parse(header, body):
        for one in header:
            if not hmac.compare_digest(one, body):
                break
        else:
            return SignatureInvalid("no")
        return [1]
    """,
    # compared with a number
    """
    def parse(header, body):
        if hmac.compare_digest(header, body) == 0:
            return [1]
        return SignatureInvalid("no")
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
