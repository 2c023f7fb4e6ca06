"""The command line: one file per verb, each a thin caller of the same use cases as the API.

Started by the ``interlock`` script (:mod:`interlock.cli.main`); nothing imports it.
"""
