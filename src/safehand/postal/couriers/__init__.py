"""Couriers' cards: what a recipient compares at the door."""
