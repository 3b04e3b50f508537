"""Who votes: validator sets by root stake, era by era."""
