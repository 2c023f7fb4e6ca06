"""Checks of a package's modules, each over syntax trees alone."""
