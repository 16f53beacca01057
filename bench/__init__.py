"""Measures Safehand beside a plain service and beside the machine's limit: `./do bench`."""
