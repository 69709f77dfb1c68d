"""The version of the whole project: setup.py and build.sbt read it here. Imports nothing."""

__version__ = "0.1.0"
