"""From the acceptance office to the delivery office, scan by scan."""
