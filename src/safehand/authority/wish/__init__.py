"""What the recipient wishes while the post has it: another day, or the post office."""
