"""Simulated gateways for releases that are tried on real payments."""

from tests.integration.payments.conftest import (
    adyen_gateway,
    adyen_process,
    house,
    stripe_gateway,
    stripe_process,
)

__all__ = ["adyen_gateway", "adyen_process", "house", "stripe_gateway", "stripe_process"]
