"""For the users themselves, by API key. A user with no money left can still read all of it."""
