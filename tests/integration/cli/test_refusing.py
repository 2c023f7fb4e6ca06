"""``interlock gateways refuse``: a kind of payment is kept from a gateway without a release."""

from tests.integration.cli.conftest import Interlock, one_line

from interlock.cli.output import ExitCode


def test_a_network_is_refused_at_one_gateway_and_accepted_again(shop: Interlock) -> None:
    made = shop("gateways", "refuse", "stripe", "--network", "AMEX", "--hours", "2", "--why", "INC-42")
    assert made.code == 0, made.err
    assert "gets no amex payments" in made.out
    listed = shop("gateways", "refusals", "--json").json()
    assert [(one["network"], one["reason"]) for one in listed] == [("amex", "INC-42")]
    assert listed[0]["set_by"].startswith("cli:")
    assert "amex" in shop("gateways", "refusals").out
    lifted = shop("gateways", "accept", listed[0]["id"], "--why", "amex answers")
    assert lifted.code == 0, lifted.err
    assert shop("gateways", "refusals", "--json").json() == []
    actions = [entry["action"] for entry in shop("release", "journal", "--json").json()]
    assert actions[:2] == ["payments.accepted", "payments.refused"]
    everywhere = shop("gateways", "refuse", "*", "--method", "sepa_debit", "--why", "down", "--json").json()
    assert everywhere["gateway_id"] == "*"
    assert "a whole gateway is not refused" in one_line(shop("gateways", "refuse", "stripe", "--why", "x"))
    assert shop("gateways", "refuse", "paypal", "--currency", "jpy", "--why", "x").code == ExitCode.FAILED
