"""What `make run` and `make evaluate` print in the end: tables and sentences."""
