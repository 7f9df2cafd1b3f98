"""Do signals and similar windows predict anything? The statistics of it."""
