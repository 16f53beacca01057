"""The crash matrix: both houses' real actions on real PostgreSQL, killed at each boundary and looked at from outside."""
