"""The fee: paid in time, or the application lapses; money that came late or twice always goes back."""
