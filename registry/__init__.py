"""The model registry as code: `models.yaml` in, typed documents out. Never imports services."""
