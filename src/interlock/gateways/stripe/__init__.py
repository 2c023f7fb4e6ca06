"""Stripe: PaymentIntents with raw cards, over form-encoded HTTP. Facts are in ``manifest.toml``, procedure is here."""

from .connector import StripeConnector

CONNECTOR = StripeConnector
