"""Loaders: exchange recordings from S3 or local files into the raw hypertables."""
