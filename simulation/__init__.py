"""The sample data of `make run`, and beside it the truth that a reader should find."""
