"""Attempts: one try at one gateway through one release, durable before anything is sent."""
