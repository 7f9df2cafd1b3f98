"""Models computed by an engine that works on many machines, with the same result.

Spark moves and sorts the rows; what is done with them is the project's own code, called
on Arrow batches. See `docs/beyond_one_machine.md`.
"""
