"""The task `forecast`: quantiles of what the chain will say of its own next blocks."""
