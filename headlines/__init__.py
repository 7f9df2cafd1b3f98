"""Tables and sentences that `make run` and `make evaluate` print at the end."""
