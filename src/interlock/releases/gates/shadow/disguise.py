"""Takes a person out of a recording and leaves the shape that connectors work by. Pure.

Every word becomes another one of the same length, case and script, always the same one for the same word: a name still
has two parts, a street its house number, a line that is dropped or joined to another can still be seen. Digits become
ones and zeros, so that no number can come out that passes for a card's.
"""

import hmac
import re

import msgspec

from interlock.gateways.contract import (
    CompleteRequest,
    FollowOnRequest,
    InquireRequest,
    PaymentRequest,
    Shopper,
)
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.shadow.types import PERSONAL

replace = msgspec.structs.replace

_WORD = re.compile(r"[^\W_]+")
_MACHINE_WORD = re.compile(r"[a-z_]*")
_ASCII = "abcdefghijklmnopqrstuvwxyz"
_WIDE = ("éüñøçåžšжия", "東京大阪日本名古", "𠮷𠀋𡈽𡌛𪚲")  # letters of two, three and four bytes
_KEPT_OF_ADDRESS = frozenset({"country", "state"})
_PERSONAL_NAMES = frozenset({
    "name", "firstname", "lastname", "holdername", "cardholdername", "accountholdername", "ownername", "shoppername",
    "email", "receiptemail", "shopperemail", "phone", "telephonenumber", "ip", "ipaddress", "shopperip", "useragent",
    "street", "housenumberorname", "line1", "line2", "city", "postalcode", "zip",
})  # fmt: skip
_IP_V4, _IP_V6 = "203.0.113.7", "2001:db8::7"
_SHORTEST_INSIDE = 6
_SHORTEST_NAME = 3


class Disguise:
    """Disguises texts; what it has disguised it recognises in others."""

    def __init__(self, salt: bytes) -> None:
        """Take other words for each ``salt``, so that nobody can look a disguise up."""
        self._salt = salt
        self._texts: dict[str, str] = {}
        self._words: set[str] = set()
        self._names: set[str] = set()

    def text(self, text: str) -> str:
        """Return ``text`` in disguise and remember it."""
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = _WORD.sub(lambda match: self._word(match[0]), text)
            self._words.update(word.casefold() for word in _WORD.findall(text))
        return found

    def known(self, text: str, disguised: str) -> str:
        """Remember ``disguised`` as what ``text`` becomes, and return it."""
        self._texts[text] = disguised
        return disguised

    def _word(self, word: str) -> str:
        # By the word without its case, so that a connector that writes names in capitals changes nothing else.
        stream = hmac.digest(self._salt, word.casefold().encode("utf-8", "replace"), "sha512")
        return "".join(_letter(letter, stream[at % len(stream)]) for at, letter in enumerate(word))

    def masked(self, value: object) -> object:
        """Return :data:`PERSONAL` for a value that tells something of what was disguised."""
        if not isinstance(value, str) or not value:
            return value
        folded = value.casefold()
        if any(word.casefold() in self._words for word in _WORD.findall(value)):
            return PERSONAL
        inside = len(value) > 2 and any(folded in text.casefold() for text in self._texts)
        return PERSONAL if inside else value

    def replaced(self, text: str) -> str:
        """Return ``text`` with what was disguised replaced in it: all of it, a longer part of it, or a person's words.

        A single word in small letters may be a word of the provider's own (``succeeded``) and is left.
        """
        if text in self._texts and not _MACHINE_WORD.fullmatch(text):
            return self._texts[text]
        for hidden, disguised in self._texts.items():
            if len(hidden) >= _SHORTEST_INSIDE and not _MACHINE_WORD.fullmatch(hidden) and hidden in text:
                text = text.replace(hidden, disguised)
        return _WORD.sub(self._unnamed, text) if self._names else text

    def _unnamed(self, match: re.Match[str]) -> str:
        word = match[0]
        if _MACHINE_WORD.fullmatch(word) or word.casefold() not in self._names:
            return word
        return self._word(word)

    def body(self, text: str) -> str:
        """Return an answer's body without the persons in it; a document stays one.

        Whoever was disguised before is found by what is known of him, everybody else (a page of a list tells of other
        payments) by what providers call such fields.
        """
        try:
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.replaced(text)
        changed = self._through(document)
        return text if changed == document else msgspec.json.encode(changed).decode()

    def _through(self, value: object, name: str = "") -> object:
        if isinstance(value, str):
            return self.text(value) if name in _PERSONAL_NAMES else self.replaced(value)
        if isinstance(value, dict):
            return {key: self._through(inner, _bare(key)) for key, inner in value.items()}
        return [self._through(inner, name) for inner in value] if isinstance(value, list) else value

    def person(self, value: object) -> None:
        """Remember every text in ``value`` (billing details, an address of delivery) as one that tells of a person."""
        if isinstance(value, str) and value:
            self.text(value)
            self._names.update(word.casefold() for word in _WORD.findall(value) if _is_name(word))
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name not in _KEPT_OF_ADDRESS:
                    self.person(inner)

    def request(self, request: OperationRequest) -> OperationRequest:
        """Return what a connector is given, without the person. The instrument is none of this module's business."""
        if isinstance(request, PaymentRequest):
            return replace(
                request,
                description=self._maybe(request.description),
                shopper=self._shopper(request.shopper),
                metadata={name: self.text(value) for name, value in request.metadata.items()},
            )
        if isinstance(request, InquireRequest) and request.original is not None:
            original = self.request(request.original)
            assert isinstance(original, PaymentRequest | CompleteRequest | FollowOnRequest)
            return replace(request, original=original)
        return request

    def _shopper(self, shopper: Shopper) -> Shopper:
        return replace(
            shopper,
            email=self._maybe(shopper.email),
            name=self._maybe(shopper.name),
            phone=self._maybe(shopper.phone),
            user_agent=self._maybe(shopper.user_agent),
            ip=self.ip(shopper.ip),
            address={
                name: value if name in _KEPT_OF_ADDRESS else self._maybe(value)
                for name, value in shopper.address.items()
            },
        )

    def ip(self, ip: str | None) -> str | None:
        """Return an address of the same kind that is for documentation."""
        return None if ip is None else self.known(ip, _IP_V6 if ":" in ip else _IP_V4)

    def _maybe(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)


def _is_name(word: str) -> bool:
    """Return True for a word that tells of somebody wherever it stands: not a house number, not two letters."""
    return any(map(str.isalpha, word)) and (len(word) >= _SHORTEST_NAME or not word.isascii())


def _bare(name: str) -> str:
    """Return a field's name as it is in any spelling: ``cardHolderName``, ``card_holder_name``."""
    return name.replace("_", "").replace("-", "").lower()


def _letter(letter: str, byte: int) -> str:
    if letter.isascii():
        if letter.isdigit():
            return "01"[byte % 2]
        taken = _ASCII[byte % len(_ASCII)]
        return taken.upper() if letter.isupper() else taken
    pool = _WIDE[max(0, len(letter.encode("utf-8", "replace")) - 2)]
    taken = pool[byte % len(pool)]
    upper = taken.upper()
    return upper if letter.isupper() and len(upper) == 1 else taken


def opaque(text: str, salt: bytes) -> str:
    """Return another text of the same shape, for tokens that open something: letters and digits are exchanged."""
    stream = hmac.digest(salt, text.encode("utf-8", "replace"), "sha512")
    return "".join(
        _letter(letter, stream[at % len(stream)]) if letter.isascii() and letter.isalnum() else letter
        for at, letter in enumerate(text)
    )
