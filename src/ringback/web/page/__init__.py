"""The agent's page: sign in, see whom to ring back. It asks the same functions of calls.py and agents.py as the API.

`static/` is what the browser gets: HTML, CSS and ES modules as they are written, and the words in one file a language.
"""
