"""Search: the published query language over payment intents, charges and customers. Called by ``api``."""
