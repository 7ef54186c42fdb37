"""Torture: kills, power cuts and bad input at scale, and a soak. `python -m torture`; never part of the package."""
