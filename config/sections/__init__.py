"""One table of the settings file a file: what may stand in it, and what may not stand together."""
