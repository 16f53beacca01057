"""The ports to services that others run: population register, payment, sign-in, notices. Live and sandbox alike."""
