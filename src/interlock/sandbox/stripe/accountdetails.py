"""Where the simulated Stripe receives bank transfers, and what it says when one has arrived. Pure."""

from typing import Any

from interlock.sandbox.stripe.state import Payment

Json = dict[str, Any]

_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_HOLDER = "Interlock Sandbox"


def transfer_instructions(payment: Payment, base_url: str) -> Json:
    """Return where the shopper sends money: an account whose number is made of the customer's id."""
    number = str(int.from_bytes((payment.customer or "")[-8:].encode(), "big") % 10**8).zfill(8)
    holder = {"account_holder_address": _NO_ADDRESS, "account_holder_name": _HOLDER, "bank_address": _NO_ADDRESS}
    addresses: dict[str, Json] = {
        "jp_bank_transfer": {"type": "zengin", "supported_networks": ["zengin"], "zengin": {
            **holder, "account_number": number[-7:], "account_type": "futsu", "bank_code": "9999",
            "bank_name": "Sandbox Bank", "branch_code": "001", "branch_name": "Head office"}},
        "gb_bank_transfer": {"type": "sort_code", "supported_networks": ["bacs", "fps"], "sort_code": {
            **holder, "account_number": number, "sort_code": "000000"}},
        "us_bank_transfer": {"type": "aba", "supported_networks": ["ach", "domestic_wire_us"], "aba": {
            **holder, "account_number": number, "account_type": "checking", "bank_name": "Sandbox Bank",
            "routing_number": "000000000"}},
        "eu_bank_transfer": {"type": "iban", "supported_networks": ["sepa"], "iban": {
            **holder, "bic": "SANDDEFF", "country": "DE", "iban": _german_iban(number)}},
    }  # fmt: skip
    return {
        "display_bank_transfer_instructions": {
            "amount_remaining": payment.amount - payment.funded,
            "currency": payment.currency,
            "financial_addresses": [addresses[payment.transfer]],
            "hosted_instructions_url": f"{base_url}/_sandbox/transfers/{payment.id}",
            "reference": payment.id[-8:].upper(),
            "type": payment.transfer,
        },
        "type": "display_bank_transfer_instructions",
    }


def _german_iban(number: str) -> str:
    account = f"50010517{number.zfill(10)}"
    return f"DE{98 - int(f'{account}131400') % 97:02d}{account}"


def funding(customer: str, amount: int, currency: str, balance: int, created: int, kind: str) -> Json:
    """Return a customer_cash_balance_transaction for money that has arrived."""
    return {
        "id": f"ccsbtxn_{created}{amount}",
        "object": "customer_cash_balance_transaction",
        "created": created,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "ending_balance": balance,
        "funded": {"bank_transfer": {"reference": None, "type": kind}},
        "livemode": False,
        "net_amount": amount,
        "type": "funded",
    }
