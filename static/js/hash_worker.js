/* Computes the SHA-256 of a file, piece by piece: {sent} after each, at last {hash}. */

/* global sha256 */
importScripts(new URL("../vendor/js-sha256-0.11.1/sha256.min.js", self.location.href));

const PIECE = 4 * 1024 * 1024;

self.onmessage = async ({ data: file }) => {
  try {
    const hash = sha256.create();
    for (let at = 0; at < file.size; at += PIECE) {
      hash.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
      self.postMessage({ sent: Math.min(at + PIECE, file.size) });
    }
    self.postMessage({ hash: hash.hex() });
  } catch {
    /* The file changed or was moved; the upload itself will say so. */
    self.postMessage({ hash: "" });
  }
};
