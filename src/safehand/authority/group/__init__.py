"""A family's documents: cases that go to one address, together or each by itself."""
