"""Other people's bytes. Bound them, decode them, judge them, then let them in.

You do not keep anything.
"""
