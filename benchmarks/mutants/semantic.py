"""The family ``semantic``: changes shaped after what payment integrations really got wrong.

Generic where the shape is: the converter of amounts, an idempotency key, an outcome, a signature's comparison. What
depends on how one connector is written stands in ``patches.toml``. The name of a shape is the mutant's ``operator``.
"""

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m
from benchmarks.mutants import patches
from benchmarks.mutants.engine import Offer, Operators, Where, drafts
from benchmarks.mutants.mutant import Draft

from interlock.gateways.package import Package

_SCALED = {
    "amount_times_100": "amount * 100",
    "amount_over_100": "amount // 100",
    "amount_in_float": "int(amount / 100 * 100)",
    "amount_in_major_units": "amount / 100",
    "amount_plus_1": "amount + 1",
}
# Constants are in single quotes, so that they fit into the f-strings of a connector, too.
_KEYS = {
    "key_constant": "'interlock'",
    "key_random": "f'{id(object())}'",
    "key_cut_short": "request.idempotency_key[:8]",
    "key_of_the_order": "request.reference",
    "key_of_the_payment": "request.gateway_reference",
}
_OUTCOMES = {
    "DECLINED": ("APPROVED", "REFUSED", "PENDING"),
    "REFUSED": ("DECLINED", "UNKNOWN", "APPROVED"),
    "UNKNOWN": ("APPROVED", "DECLINED", "REFUSED"),
    "PENDING": ("APPROVED", "DECLINED"),
    "CHALLENGE": ("APPROVED", "PENDING"),
    "APPROVED": ("PENDING", "DECLINED"),
}
_CALLED_INSTEAD = {
    "authorise": ("sale",),
    "sale": ("authorise",),
    "verify": ("sale", "authorise"),
    "capture": ("refund", "void", "increment"),
    "increment": ("capture",),
    "void": ("refund", "capture"),
    "refund": ("capture", "void"),
}
_DOES_NOTHING = ("capture", "increment", "void", "refund")
_WRONG_FIELDS = {
    "amount": ("amount_received",),
    "amount_received": ("amount", "amount_capturable"),
    "amount_captured": ("amount_refunded", "amount"),
    "gateway_reference": ("reference",),
    "capture_reference": ("gateway_reference",),
    "psp_reference": ("merchant_reference",),
    "payment_psp_reference": ("psp_reference",),
    "original_reference": ("psp_reference",),
    "merchant_reference": ("psp_reference",),
    "payment_intent": ("id",),
}
_CONSTANTS = {
    "return_url": {"return_url_wrong": "'https://example.com/'", "return_url_empty": "''"},
    "reference": {"reference_lost": "''"},
    "final": {"capture_always_final": "True", "capture_never_final": "False"},
    "capture_reference": {"capture_reference_lost": "None"},
    "livemode": {"livemode_fixed": "True", "livemode_ignored": "None"},
    "parameters": {"return_parameters_lost": "{}"},
    "continuation": {"continuation_lost": "{}"},
    "currency": {"currency_constant": "'usd'"},
    "captured_before_minor": {"earlier_captures_ignored": "0"},
    "api_version": {"version_fixed": "'2019-02-19'"},
    "incremental": {"incremental_lost": "False"},
    "waits_after_challenge": {"waits_lost": "False"},
    "three_d_secure": {"authentication_lost": "'automatic'"},
    "metadata": {"metadata_lost": "{}"},
    "cvc": {"cvc_lost": "None"},
}
_ARGUMENTS = {
    "continuation": {"continuation_not_kept": "{}"},
    "network_transaction_id": {"network_id_placeholder": '"none"', "network_id_lost": "None"},
    "echo": {"echo_lost": "None"},
    "captured": {"captured_always": "True", "captured_never": "False"},
    "capture": {"captures_always": "True", "captures_never": "False"},
    "stored_credential_reference": {"stored_reference_lost": "None"},
    "decline_code": {"decline_reason_lost": '"generic_decline"'},
}
_IDLE = """\
from interlock.gateways.outcomes import Outcome, Result
return Result(outcome=Outcome.APPROVED, gateway_reference=request.gateway_reference)
yield
"""
_LEAKS = {
    "body_printed": "print(body)",
    "body_logged": 'import logging\nlogging.getLogger("connector").warning("sending %r", body)',
}


def semantic_drafts(package: Package, gateway: str) -> Iterator[Draft]:
    """Yield every change of ``package`` that is shaped after an incident, file by file; broken files last."""
    for file, content in sorted(package.modules().items()):
        yield from drafts(file, content.decode(), OPERATORS)
        yield from patches.patched(gateway, file, content.decode())
    yield from patches.unsafe(package)
    yield from patches.broken(package)


def _is_call_of(node: cst.Call, *names: str) -> bool:
    return isinstance(node.func, cst.Name) and node.func.value in names


def _amount_sent(node: cst.Call, _: Where) -> Iterator[Offer]:
    """What is sent is off by a factor, rounded in binary, or no provider's exponent is asked for."""
    if not _is_call_of(node, "to_provider"):
        return
    for operator, scaled in _SCALED.items():
        function = cst.parse_expression(f"(lambda amount: None if amount is None else {scaled})")
        yield Offer(operator, node, cst.Call(function, [cst.Arg(node)]))
    yield Offer("exponents_ignored", node, cst.Attribute(node.args[0].value, cst.Name("amount_minor")))


def _amount_read(node: cst.Call, _: Where) -> Iterator[Offer]:
    """What is read from an answer is off by a factor, or always of one currency."""
    if not _is_call_of(node, "from_provider"):
        return
    amount, currency = node.args[0].value, node.args[1].value
    signs: dict[str, cst.BaseBinaryOp] = {"answer_times_100": cst.Multiply(), "answer_over_100": cst.FloorDivide()}
    for operator, sign in signs.items():
        yield Offer(operator, amount, cst.BinaryOperation(amount, sign, cst.Integer("100")))
    yield Offer("answer_currency_constant", currency, cst.parse_expression('"eur"'))


def _exponents(node: cst.Call, _: Where) -> Iterator[Offer]:
    if _is_call_of(node, "to_provider", "from_provider"):
        yield Offer("exponent_table_bypassed", node.args[-1].value, cst.parse_expression("{}"))


def _comparison(node: cst.Call, _: Where) -> Iterator[Offer]:
    """A signature that everything fits, that is compared in a time which tells how far it fits, or only its start."""
    if not m.matches(node.func, m.Attribute(value=m.Name("hmac"), attr=m.Name("compare_digest"))):
        return
    left, right = node.args[0].value, node.args[1].value
    equal = cst.Comparison(left, [cst.ComparisonTarget(cst.Equal(), right)])
    bracketed = equal.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    start = cst.Call(cst.Attribute(right, cst.Name("startswith")), [cst.Arg(cst.parse_expression("expected[:4]"))])
    yield Offer("signature_always_genuine", node, cst.Name("True"))
    yield Offer("signature_compared_plainly", node, bracketed, hidden="timing", touches="signature")
    yield Offer("signature_compared_in_part", node, start)


def _doubt(node: cst.Call, _: Where) -> Iterator[Offer]:
    """What nobody can know is told as certain: the way to a second charge, or to goods without money."""
    if _is_call_of(node, "unknown"):
        for word in ("DECLINED", "REFUSED", "NOT_SENT", "APPROVED"):
            certain = cst.parse_expression(f'Result(outcome=Outcome.{word}, code="certain")')
            yield Offer(f"doubt_told_as_{word.lower()}", node, certain)


def _outcome(node: cst.Attribute, _: Where) -> Iterator[Offer]:
    if m.matches(node.value, m.Name("Outcome")):
        for word in _OUTCOMES.get(node.attr.value, ()):
            yield Offer(f"{node.attr.value.lower()}_as_{word.lower()}", node, node.with_changes(attr=cst.Name(word)))


def _key(node: cst.Attribute, _: Where) -> Iterator[Offer]:
    if node.attr.value == "idempotency_key":
        for operator, text in _KEYS.items():
            yield Offer(operator, node, cst.parse_expression(text))


def _wrong_field(node: cst.Attribute, _: Where) -> Iterator[Offer]:
    if node.attr.value == "amount" and not m.matches(node.value, m.Name("intent")):
        return  # the amount of a request or a refund has no sibling to be mistaken for
    for name in _WRONG_FIELDS.get(node.attr.value, ()):
        yield Offer(f"{name}_instead", node, node.with_changes(attr=cst.Name(name)))


def _constant(node: cst.Attribute, _: Where) -> Iterator[Offer]:
    for operator, text in _CONSTANTS.get(node.attr.value, {}).items():
        yield Offer(operator, node, cst.parse_expression(text))
    if node.attr.value == "network_transaction_id":
        yield Offer("network_id_as_text", node, cst.Call(cst.Name("str"), [cst.Arg(node)]))


def _argument(node: cst.Arg, where: Where) -> Iterator[Offer]:
    if node.keyword is None:
        return
    for operator, text in _ARGUMENTS.get(node.keyword.value, {}).items():
        yield Offer(operator, node.value, cst.parse_expression(text))
    if node.keyword.value == "path" and where.function in {"post", "get"}:
        leaking = 'path + f"?key={next(iter(config.credentials.values()))}"'
        yield Offer("secret_in_the_address", node.value, cst.parse_expression(leaking))


def _header(node: cst.Dict, _: Where) -> Iterator[Offer]:
    for element in node.elements:
        if m.matches(element, m.DictElement(key=m.SimpleString('"idempotency-key"'))):
            kept = [other for other in node.elements if other is not element]
            yield Offer("key_dropped", node, node.with_changes(elements=kept))


def _check(node: cst.If, _: Where) -> Iterator[Offer]:
    """A guard that returns early never does."""
    returns = m.IndentedBlock([m.SimpleStatementLine([m.Return()])])
    if node.orelse is None and m.matches(node.body, returns):
        yield Offer("check_dropped", node.test, cst.Name("False"))


def _sent(node: cst.SimpleStatementLine, _: Where) -> Iterator[Offer]:
    """A request goes out twice, or again after a server's error, within one operation."""
    first = node.body[0]
    if len(node.body) != 1 or not isinstance(first, cst.Assign) or not isinstance(first.value, cst.Yield):
        return
    asked = first.value
    if isinstance(asked.value, cst.From):
        return
    bracketed = asked.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    failed = cst.parse_expression("response.status >= 500")
    again = first.with_changes(value=cst.IfExp(test=failed, body=bracketed, orelse=cst.Name("response")))
    yield Offer("sent_twice", node, node.with_changes(body=[cst.Expr(asked), first]))
    yield Offer("sent_again_after_an_error", node, node.with_changes(body=[first, again]))


def _method(node: cst.FunctionDef, where: Where) -> Iterator[Offer]:
    """One operation does another's work, or says that it did its own."""
    name = node.name.value
    if not where.function.endswith("Connector"):
        return
    for other in _CALLED_INSTEAD.get(name, ()):
        instead = f"return (yield from self.{other}(config, request))"
        yield Offer(f"{name}_does_{other}", node, _with_statements(node, instead))
    if name in _DOES_NOTHING:
        yield Offer(f"{name}_does_nothing", node, _with_statements(node, _IDLE))


def _with_statements(node: cst.FunctionDef, text: str) -> cst.FunctionDef:
    return node.with_changes(body=node.body.with_changes(body=cst.parse_module(text).body))


def _leak(node: cst.FunctionDef, where: Where) -> Iterator[Offer]:
    """What is sent, card number and all, is written down."""
    if node.name.value != "post" or where.around:
        return
    documentation, *rest = node.body.body
    for operator, text in _LEAKS.items():
        body = node.body.with_changes(body=[documentation, *cst.parse_module(text).body, *rest])
        yield Offer(operator, node, node.with_changes(body=body))


OPERATORS: Operators = (
    (cst.Call, _amount_sent),
    (cst.Call, _amount_read),
    (cst.Call, _exponents),
    (cst.Call, _comparison),
    (cst.Call, _doubt),
    (cst.Attribute, _outcome),
    (cst.Attribute, _key),
    (cst.Attribute, _wrong_field),
    (cst.Attribute, _constant),
    (cst.Arg, _argument),
    (cst.Dict, _header),
    (cst.If, _check),
    (cst.SimpleStatementLine, _sent),
    (cst.FunctionDef, _method),
    (cst.FunctionDef, _leak),
)
