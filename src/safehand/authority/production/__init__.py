"""A blank is drawn in order, personalised, and checked by a second person: that is the issue."""
