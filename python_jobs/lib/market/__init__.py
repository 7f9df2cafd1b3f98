"""Windows of the bitcoin market: candles, features, vectors and labels."""
