// What leaves the page as a file.

/** Save text as a file of that name. */
export const saveText = (text, name, type = "text/csv") => saveBlob(new Blob([text], { type }), name);

/** Save bytes as a file of that name. */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The name of the file for a secret: `key-ci-prod.txt` for the key "ci prod". */
export function secretFile(kind, name) {
  const plain = name
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[-.]+|-+$/g, "")
    .slice(0, 60);
  return `${kind}-${plain || "quart-proxy"}.txt`;
}
