"""Adyen's error answers, as values."""

import msgspec

from interlock.sandbox.http import Reply


class Failure(msgspec.Struct, frozen=True):
    """Why a request is not done. ``transient`` tells the caller that the same key may be sent again."""

    status: int
    code: str
    message: str
    kind: str = "validation"
    transient: bool = False

    def reply(self, psp: str = "") -> Reply:
        """Return the failure as Adyen sends it."""
        body = {"status": self.status, "errorCode": self.code, "message": self.message, "errorType": self.kind}
        if psp:
            body["pspReference"] = psp
        headers = {"transient-error": "true"} if self.transient else {}
        return Reply(self.status, msgspec.json.encode(body), headers=headers)


UNAUTHORISED = Failure(401, "000", "HTTP Status Response - Unauthorized", "security")
FORBIDDEN_ACCOUNT = Failure(403, "901", "Invalid Merchant Account", "security")
IN_PROGRESS = Failure(422, "704", "request already processed or in progress", transient=True)
NOT_FOUND = Failure(422, "167", "Original pspReference required for this operation")
INVALID_CARD = Failure(422, "101", "Invalid card number")
INVALID_AMOUNT = Failure(422, "137", "Invalid amount specified")
INVALID_CURRENCY = Failure(422, "138", "Unsupported currency specified")
CONTRACT_NOT_FOUND = Failure(422, "800", "Contract not found")


def required(name: str) -> Failure:
    """Return the failure for a field that must be there."""
    codes = {"reference": "130", "amount": "100", "merchantAccount": "901", "returnUrl": "14_030"}
    return Failure(422, codes.get(name, "702"), f"Required field '{name}' is not provided.")


def unreadable(detail: str) -> Failure:
    """Return the failure for a body that cannot be read."""
    return Failure(400, "702", detail)
