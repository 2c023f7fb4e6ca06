"""Charges: money taken, or refused, at a gateway for an intent."""
