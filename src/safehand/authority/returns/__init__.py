"""What comes back: recalled, rejected, undeliverable, not fetched; and old documents until they are destroyed."""
