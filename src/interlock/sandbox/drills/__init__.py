"""Drills: scripted faults whose truth is declared. A folder each, described by ``drill.toml``; this room reads them.

A drill changes a release (edits of a connector, another package, settings, credentials) or makes a simulated gateway
fail, and says what a customer would see and which stage ought to see it first. ``cli.drills`` runs them. Nothing here
knows a connector: what stands in a manifest is data.
"""
