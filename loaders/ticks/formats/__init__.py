"""One module per format of recordings, and how to tell them apart."""
