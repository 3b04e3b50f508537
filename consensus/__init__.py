"""Everything here is a function of its arguments. No await, clock, dice, disk, float or log.

If you need one of these, return an effect and let the caller do it.
"""
