"""``lint.literals``: addresses, keys, card numbers and certificates do not stand in a package.

Hosts come from the manifest, secrets from the account, trust from the system. Comments and the manifest's own text are
read too: whoever holds a package can read all of it. ``lint.hashes``: nothing is signed with MD5 or SHA-1.
"""

import ast
import math
import re
from collections import Counter

from interlock.base.card_numbers import card_number_spans
from interlock.gateways.package import Package
from interlock.releases.gates.lint.code.source import Module, last
from interlock.releases.gates.lint.notes import Notes

CHECK = "literals"
_URL = re.compile(r"(?i)\b(?:https?|wss?|ftp)://")
_HOST = re.compile(
    r"(?i)(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|net|org|io|eu|dev|cloud|app|co|biz|info|local|internal)(?![\w.-]*\w)"
)
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_KEY = re.compile(r"(?:[sprk]k_(?:live|test)_|whsec_|AQE)[0-9A-Za-z+/=_]{8,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----")
_TOKEN = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{24,}(?![A-Za-z0-9+/_=-])")
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}(?![0-9A-Za-z])")
_ENTROPY_MIN = 3.5
_DIGITS_MIN = 3
_WORD_MIN = 20
_PLACEHOLDERS = frozenset({"none", "null", "undefined", "nil", "nan"})
_WEAK = frozenset({"md5", "sha1", "md4", "sha-1"})
_WRAPPING = frozenset({"base64.encodebytes", "base64.encodestring", "binascii.b2a_base64"})


def check_code(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every string and comment of every module, and at every hash."""
    notes.looked("hashes", len(modules))
    for module in modules.values():
        for node in module.texts():
            notes.looked(CHECK)
            text = str(node.value)
            if problem := _problem(text) or _address_problem(text):
                module.report(notes, CHECK, node, problem[0], problem[1])
            elif text in _PLACEHOLDERS and not _is_compared(module, node):
                problem_text = f"holds the placeholder {text!r}, which a provider takes for a value"
                module.report(notes, CHECK, node, problem_text, "leave the field out")
        for line, comment in module.comments.items():
            if (found := _problem(comment)) and not module.excused(notes, CHECK, line):
                notes.fail(CHECK, f"{module.file}:{line}", found[0], found[1])
        for prose in module.docstrings:
            if found := _problem(str(getattr(prose, "value", ""))):
                module.report(notes, CHECK, prose, found[0], found[1])
        for each in module.nodes:
            _check_hash(module, each, notes)


def check_texts(package: Package, notes: Notes) -> None:
    """Look at every line of the files that are no modules: the manifest and notes."""
    for file, content in package.files.items():
        if file.endswith(".py"):
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if found := _problem(line):
                notes.fail(CHECK, f"{file}:{number}", found[0], found[1])
        notes.looked(CHECK)


def _problem(text: str) -> tuple[str, str] | None:
    if _PEM.search(text):
        return "holds a certificate or key, which goes stale here", "trust comes from the system, keys from the account"
    if _KEY.search(text):
        return "holds a key", "keys come from the account's credentials; withdraw this one"
    if card_number_spans(text):
        return "holds a card number", "remove it"
    if any(map(_is_random, [*_TOKEN.findall(text), *_HEX.findall(text)])):
        return "holds what looks like a secret", "secrets come from the account's credentials"
    return None


def _address_problem(text: str) -> tuple[str, str] | None:
    if _URL.search(text) or _HOST.search(text) or _ADDRESS.search(text):
        return "holds an address", "hosts come from the manifest, which is checked"
    return None


def _is_random(token: str) -> bool:
    digits = sum(char.isdigit() for char in token)
    letters = sum(char.isalpha() for char in token)
    if digits < _DIGITS_MIN or letters < _DIGITS_MIN or len(set(token)) < len(token) // 4:
        return False
    counts = Counter(token)
    entropy = -sum(count / len(token) * math.log2(count / len(token)) for count in counts.values())
    words = re.split(r"[_-]", token)
    return entropy >= _ENTROPY_MIN and any(len(word) >= _WORD_MIN and any(map(str.isdigit, word)) for word in words)


def _is_compared(module: Module, node: ast.AST) -> bool:
    parent = module.parents.get(node)
    if isinstance(parent, ast.Set | ast.Tuple | ast.List | ast.Dict):
        parent = module.parents.get(parent)
    return isinstance(parent, ast.Compare)


def _check_hash(module: Module, node: ast.AST, notes: Notes) -> None:
    remedy = "sign with SHA-256 or better"
    if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
        name = module.origin(node)
        if name in {"hashlib.md5", "hashlib.sha1"}:
            module.report(notes, "hashes", node, f"uses {last(name).upper()}, which can be forged", remedy)
    elif isinstance(node, ast.Call):
        name = module.origin(node.func)
        if name in _WRAPPING:
            newline = next((keyword.value for keyword in node.keywords if keyword.arg == "newline"), None)
            if not (isinstance(newline, ast.Constant) and newline.value is False):
                problem = f"uses {last(name)}, which breaks long keys into lines"
                module.report(notes, "hashes", node, problem, "use base64.b64encode")
        if name.startswith(("hmac.", "hashlib.")):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                weak = argument.value if isinstance(argument, ast.Constant) else None
                if isinstance(weak, str) and weak.lower() in _WEAK:
                    module.report(notes, "hashes", argument, f"uses {weak.upper()}, which can be forged", remedy)
