"""Recovery: the owner of every attempt whose outcome nobody knows, and of news from gateways."""
