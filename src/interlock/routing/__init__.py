"""Routing: which gateways may take a payment, and in which order.

Called by ``payments`` (rank, look a gateway up), ``cli`` and ``console`` (configure gateways and rules, explain).
``ranking`` is pure; ``table`` holds the configuration in memory, refreshed within a second, so that ranking a payment
asks nobody. Health arrives as rows that expire; this room never judges a gateway by itself.
"""
