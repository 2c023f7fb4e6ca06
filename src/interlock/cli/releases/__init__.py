"""The verbs of ``interlock release``, one file each, and what they draw with."""
