"""Ringback: a self-hosted server of agents' call history. Nothing runs on import."""

__version__ = "0.1.0"
