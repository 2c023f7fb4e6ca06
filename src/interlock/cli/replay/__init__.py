"""``interlock replay``: incidents, played again on a switch of their own. Called by ``cli.main`` only.

Everything is real: processes, shoppers, gateways with books of their own, releases and their controller. Only the clock
is short: what took 105 minutes takes half a minute.
"""
