"""What can't be delivered: recall, return, incident, loss."""
