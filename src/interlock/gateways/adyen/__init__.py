"""Adyen Checkout API v72: cards over JSON. Facts are in ``manifest.toml``, procedure is here."""

from .connector import AdyenConnector

CONNECTOR = AdyenConnector
