"""Adyen Checkout API v72: cards over JSON. Facts are in ``manifest.toml``, procedure is here."""

from interlock.gateways.adyen.connector import AdyenConnector

CONNECTOR = AdyenConnector
