"""What the state is, and what each transaction may do to it."""
