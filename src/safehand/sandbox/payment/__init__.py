"""The sandbox's payment service: payments, refunds, signed callbacks, daily statements."""
