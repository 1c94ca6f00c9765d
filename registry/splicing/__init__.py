"""Writing into YAML text by cut and paste: what is not edited keeps every byte. Pure."""
