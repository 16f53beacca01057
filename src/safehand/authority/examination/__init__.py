"""A person examines the application: approves, asks for corrections, or refuses in writing."""
