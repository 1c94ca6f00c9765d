"""Reading YAML: from text to documents and declared leaves, every fault with its place. Only `sources` reads disk."""
