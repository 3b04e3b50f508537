"""torch modules; shapes written beside every line that changes one."""
