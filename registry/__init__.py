"""The model registry as code: `models.yaml` in, one merged catalog out. Never imports services.

Here stand the words (`entities`, `leaves`, `documents`, `outcome`) and what can be done, in modules named after it:
`schema` reads files, `merge` joins them with live edits, `plan` says what would happen, `apply` does it, `write` is the
one door to the tables, `export` writes live edits back into the files, `desk` is all of it as JSON. The rooms hold the
parts of the pure ones: `files`, `merging`, `planning`, `splicing`.
"""
