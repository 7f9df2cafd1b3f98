"""Servers for development and tests, and the connection to the one in use."""
