"""The schema's history. `versions/` holds one dated file a change; each is applied once, under a lock."""
