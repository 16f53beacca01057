"""From the authority's order to the clerk's signature for the envelope."""
