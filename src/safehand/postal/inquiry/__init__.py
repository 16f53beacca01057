"""Inquiry: the authority asks after an envelope that was proven delivered and whose recipient does not have it."""
