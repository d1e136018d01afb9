"""Events folded, counted and put into words: pure functions, no clock, no file."""
