"""Interlock: a payment switch in which no change to a gateway integration can stop the shop."""

__version__ = "0.1.0"
