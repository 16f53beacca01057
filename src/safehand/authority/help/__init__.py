"""Questions about a case: asked from a line of its timeline, answered within a clock, opened again, rated."""
