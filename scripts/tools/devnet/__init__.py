"""`scripts/devnet`: a local network of daemons, started, watched and judged."""
