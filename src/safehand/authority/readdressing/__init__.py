"""Another address after submission: it waits out a cooling time, in which who applied is told and can stop it."""
