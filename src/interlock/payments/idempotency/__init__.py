"""Idempotency of requests to us: same key, same answer; same key with other parameters, an error."""
