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
