"""From the delivery office into the recipient's own hands, or back."""
