"""What the network may become, by the vote of root stake."""
