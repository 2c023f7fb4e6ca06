"""Simulated payment gateways that keep their own books; separate processes that speak HTTP only.

Written from the providers' documentation and published specifications. Shares no code with ``gateways`` (a fault
in a connector must not be answered by the same fault here) and imports nothing of ours but ``base``. Only the CLI,
tests, benchmarks and drills start it.
"""
