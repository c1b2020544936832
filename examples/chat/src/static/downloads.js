// Files that come in, put together from their pieces.

import { decode } from "./pieces.js";

export class Downloads {
  /** By the file's id: {from, size, mime, card, pieces, got}. */
  #files = new Map();

  start({ from, file, size, mime }, card) {
    this.#files.set(file, { from: from.id, size, mime, card, pieces: [], got: 0 });
    this.#finish(file);
  }

  piece(message) {
    const { id, data } = decode(message);
    const file = this.#files.get(id);
    if (file === undefined) return; // It was under way before this page came.
    file.pieces.push(data);
    file.got += data.byteLength;
    file.card.progress(file.got);
    this.#finish(id);
  }

  cancelled(id) {
    this.#fail(id, "cancelled by the sender");
  }

  /** A sender is gone, and with it the rest of its file. */
  interrupt(from) {
    for (const [id, file] of this.#files) if (file.from === from) this.#fail(id, "interrupted");
  }

  interruptAll() {
    for (const id of this.#files.keys()) this.#fail(id, "interrupted");
  }

  #finish(id) {
    const { size, mime, card, pieces, got } = this.#files.get(id);
    if (got < size) return;
    card.done(new Blob(pieces), mime);
    this.#files.delete(id);
  }

  #fail(id, why) {
    this.#files.get(id)?.card.failed(why);
    this.#files.delete(id);
  }
}
