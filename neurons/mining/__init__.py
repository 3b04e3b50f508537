"""A miner at work: take queries in, batch them, answer and sign."""
