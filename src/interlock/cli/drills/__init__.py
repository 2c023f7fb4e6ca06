"""``interlock drill``: scripted faults, taken through everything that ought to stop them. Called by ``cli.main`` only.

What a drill is stands in ``sandbox.drills``. Here it is run: gate by gate, each in a process of its own, then in a
canary on a scratch switch with shoppers, then as what serves; the simulated gateways' own books say what it cost.
"""
