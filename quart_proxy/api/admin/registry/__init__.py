"""/api/admin/registry: what the files declare and what is live, brought together."""
