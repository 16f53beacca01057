"""The authority's only door to the link: what the post says becomes commands; what is said to it is signed here."""
