"""The checks of gate ``contract``: each looks at one case that was run, and writes down what is wrong with it.

None of them runs anything. Called by ``contract.examination`` alone.
"""
