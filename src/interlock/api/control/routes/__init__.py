"""The handlers of the control API by subject; each module has a table of endpoints."""
