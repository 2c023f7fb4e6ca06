"""Shoppers: a seeded crowd that buys over HTTP and keeps its own record of what it was told.

Called by ``interlock shop``, the soak and drills. Speaks to the API (and to the pages it is redirected to) and to
nothing else; shares no code with the switch, so that its record can contradict ours.
"""
