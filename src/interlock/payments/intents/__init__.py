"""Payment intents: what the shop asks for, from creation to success or cancellation."""
