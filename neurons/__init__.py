"""Models at work. Floats live here and leave as u16. You do not know how a message travels."""
