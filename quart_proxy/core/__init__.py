"""The ground floor: pure functions of their arguments. No I/O, no clock, no randomness, no async."""
