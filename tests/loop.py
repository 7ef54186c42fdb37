"""The event loop of tests that use a store themselves: a connection to a server lives on the loop that made it."""

import asyncio
import atexit

_runner = asyncio.Runner()
atexit.register(_runner.close)

run = _runner.run
