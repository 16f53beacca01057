"""Replays the pilot's launch week through both houses' real services, link and databases, on a set clock."""
