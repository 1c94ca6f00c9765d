// An API key as people paste it: out of a mail, a shell or a file. Pure.

/** The key itself, without what came along: spaces, line ends, quotes, the name of its header. */
export function keyIn(text) {
  const plain = text.replace(/["'`\u200b-\u200d\u2060\ufeff]/g, "");
  return plain.replace(/^\s*(authorization\s*:\s*)?bearer\s+/i, "").replace(/\s/g, "");
}

/** Whether a header can carry it. */
export const isKeyText = (text) => /^[\x21-\x7e]+$/.test(text);
