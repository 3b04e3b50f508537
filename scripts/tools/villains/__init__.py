"""`scripts/villains`: what each way of cheating earns, as a table and a plot."""
