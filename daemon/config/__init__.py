"""The configuration: `Config` is the frozen tree, `load` reads it from file, environment and flags.

Everything else in Tidemill is given a `Config`, or a value out of it; the environment is read in this package only.
"""

from daemon.config.loader import Loaded, load, log_form
from daemon.config.problems import ConfigError, Problem
from daemon.config.tree import Config

__all__ = ["Config", "ConfigError", "Loaded", "Problem", "load", "log_form"]
