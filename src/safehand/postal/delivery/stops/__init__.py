"""A stop: items that go to one door and are to be brought in one round (link 112)."""
