"""A validator at work: ask miners, judge, rate, and owe the chain its weights."""
