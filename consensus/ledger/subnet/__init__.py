"""Subnets as markets: opened, changed, ended."""
