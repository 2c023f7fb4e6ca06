"""Setup intents: storing a card for later without taking money."""
