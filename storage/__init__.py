"""The disk. Say what to keep; when `write` returns it is durable.

You do not know what a peer is.
"""
