"""A plan and its parts: drift, guards, the document, and how people read it. Pure."""
