"""Webhooks from gateways: verified, stored once, applied until applied."""
