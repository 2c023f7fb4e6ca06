"""Stripe: PaymentIntents with raw cards, over form-encoded HTTP. Facts are in ``manifest.toml``, procedure is here."""

from interlock.gateways.stripe.connector import StripeConnector

CONNECTOR = StripeConnector
