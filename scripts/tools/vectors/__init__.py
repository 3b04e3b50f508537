"""`scripts/vectors`: the law against vectors, and our own vectors written anew."""
