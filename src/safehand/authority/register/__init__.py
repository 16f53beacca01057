"""What the population and document register says about a person."""
