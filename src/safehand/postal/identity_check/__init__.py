"""How often the post may ask the authority about a person at the door."""
