"""Postage due and collected."""
