"""The public shape of objects: what the API answers and event snapshots hold. Pure; unexpanded, every key present."""
