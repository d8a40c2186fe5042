"""Composes streaming and model into the three roles and the command line. Nobody imports this package."""
