"""The merge of files, base and live, by tables: of an entity, of a leaf, and of who owns what. Pure."""
