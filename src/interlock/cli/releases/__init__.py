"""The verbs of ``interlock release`` and what they draw with."""
