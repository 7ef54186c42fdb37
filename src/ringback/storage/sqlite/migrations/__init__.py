"""The schema of the embedded store, as numbered steps; a fresh store runs them all."""
