"""The sandbox's real-person sign-in: an OpenID Connect provider whose people are the cast."""
