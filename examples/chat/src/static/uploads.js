// Files that go out: one after another, in pieces, no faster than the slowest member takes them.

import { fail } from "./message.js";
import * as pieces from "./pieces.js";

/** How far the page may be ahead of what every member has taken. The server insists on it. */
const WINDOW = 512 * 1024;
const LARGEST = 20_000_000;
const SHOW_EVERY = 100;

export class Uploads {
  #connection;
  #send;
  /** {file, card, entry, ref, id, sent, taken, pump}: the first one is on its way. */
  #queue = [];
  #showing = 0;

  constructor(connection, send) {
    this.#connection = connection;
    this.#send = send;
  }

  add(file, card, entry, ref) {
    const upload = { file, card, entry, ref, id: null, sent: 0, taken: 0, pump: null };
    card.cancellable(() => this.#cancel(upload, "cancelled"));
    this.#queue.push(upload);
    if (file.size > LARGEST) this.#drop(upload, "the file is too large (at most 20 MB)");
    else if (this.#queue.length === 1) this.resume();
  }

  /** Offers the first file: also after a reconnection, for then it starts over. */
  resume() {
    if (this.#queue.length === 0) return;
    const [{ file, ref }] = this.#queue;
    this.#send({ type: "file", name: file.name, size: file.size, mime: file.type, ref });
  }

  /** The server has given the offered file its id: its pieces may go. Returns the upload. */
  accepted({ file: id, ref }) {
    const [upload] = this.#queue;
    if (upload?.ref !== ref) return undefined; // It was cancelled before the answer came.
    Object.assign(upload, { id, sent: 0, taken: 0 });
    this.#showing = setInterval(() => this.#show(upload), SHOW_EVERY);
    if (upload.file.size === 0) this.taken(id, 0);
    else this.#pump(upload);
    return upload;
  }

  /** So far every member has got the file. */
  taken(id, bytes) {
    const [upload] = this.#queue;
    if (upload?.id !== id) return;
    upload.taken = bytes;
    if (bytes < upload.file.size) return void this.#pump(upload);
    upload.card.done(upload.file, upload.file.type);
    this.#next();
  }

  /** The server did not take the offer. False if it was none of these. */
  refused(ref, why) {
    const upload = this.#queue.find((waiting) => waiting.ref === ref);
    if (upload !== undefined) this.#drop(upload, why);
    return upload !== undefined;
  }

  /** The connection is lost: the first file starts over with the next one, unless it is to blame. */
  interrupt(toBlame) {
    clearInterval(this.#showing);
    const [upload] = this.#queue;
    if (upload === undefined) return;
    upload.id = null;
    if (toBlame) this.#drop(upload, "not sent");
    else upload.card.waiting("waits for the connection");
  }

  /** Sends as many pieces as the window has room for. One loop at a time reads a file. */
  async #pump(upload) {
    const { id, file } = upload;
    if (upload.pump === id) return;
    upload.pump = id;
    const size = pieces.room(id);
    try {
      while (upload.sent < file.size && upload.sent + size <= upload.taken + WINDOW) {
        const data = await file.slice(upload.sent, upload.sent + size).arrayBuffer();
        if (upload.id !== id || !this.#connection.send(pieces.encode(id, data))) break;
        upload.sent += data.byteLength;
      }
    } catch {
      this.#cancel(upload, "the file can no longer be read");
    } finally {
      if (upload.pump === id) upload.pump = null;
    }
  }

  /** Shows what has left this machine: what was sent, but for what the socket still holds. */
  #show({ file, sent, card }) {
    const gone = Math.max(0, sent - this.#connection.bufferedAmount);
    if (gone < file.size) card.progress(gone);
    else card.progress(gone, "sent, others are still receiving");
  }

  #cancel(upload, why) {
    if (upload === this.#queue[0]) this.#send({ type: "cancel" });
    this.#drop(upload, why);
  }

  #drop(upload, why) {
    const first = upload === this.#queue[0];
    upload.id = null;
    upload.card.failed(why);
    fail(upload.entry, "not sent");
    if (first) this.#next();
    else this.#queue = this.#queue.filter((other) => other !== upload);
  }

  #next() {
    clearInterval(this.#showing);
    this.#queue.shift();
    this.resume();
  }
}
