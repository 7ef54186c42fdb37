"""What a call is: legs, their merge, dispositions, numbers. Pure: no I/O, and nothing of any one source."""
