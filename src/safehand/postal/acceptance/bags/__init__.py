"""Bags with seals and manifests: what is said to come, and what is counted."""
