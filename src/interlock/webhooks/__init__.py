"""Webhooks: events out to shops (``outbound``), notifications in from gateways (``inbound``)."""
