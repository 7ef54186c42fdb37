"""Following what a switch writes while it writes it: a log file, a table of calls. What a row means is the sources'.

The principle: a row is delivered at least once, and the place in what is followed is kept only when the rows before it
are on disk where they were delivered. The same row again changes nothing in a store, so nothing is lost nor repeated.
"""
