"""For admins: every file here is behind the sign-in."""
