"""The authority's pages: start, sign-in, one's own applications with their timeline, the national table."""
