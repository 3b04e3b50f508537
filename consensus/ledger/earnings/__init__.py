"""Who is paid what: every block, and at every epoch step."""
