"""What all tests share: how hard hypothesis searches. `HYPOTHESIS_PROFILE=thorough` searches for minutes."""

import os

from hypothesis import settings

settings.register_profile("quick", max_examples=40, stateful_step_count=20, deadline=None)
settings.register_profile("thorough", max_examples=2000, stateful_step_count=50, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
