"""Recovery: the owner of every attempt whose outcome nobody knows."""
