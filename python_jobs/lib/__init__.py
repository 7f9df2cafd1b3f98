"""Pure numerical code behind the Python models."""
