"""The envelope is with the post: where it is, what is claimed at the door, and when it is proven delivered."""
