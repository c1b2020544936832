// A WebSocket that comes back by itself, and the words for what happens to it.

/** readyState in words. */
export const STATES = ["connecting", "connected", "closing", "closed"];

/** Close codes in words: RFC 6455 §7.4.1 and the IANA registry. */
const CLOSE_CODES = {
  1000: "closed normally",
  1001: "going away",
  1002: "protocol error",
  1003: "unsupported data",
  1005: "closed without a code",
  1006: "connection lost",
  1007: "invalid data",
  1008: "policy violation",
  1009: "message too big",
  1010: "missing extension",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  1014: "bad gateway",
  1015: "TLS failure",
};

/** Codes that say that what this page sent was at fault: sending it again would not help. */
export const OUR_FAULT = new Set([1002, 1003, 1007, 1008, 1009]);

/** A close code, and the reason that came with it, in words. */
export function closeWords(code, reason) {
  const range = code >= 4000 ? "application code" : code >= 3000 ? "registered code" : "unknown code";
  const words = CLOSE_CODES[code] ?? range;
  return reason && reason.toLowerCase() !== words ? `${code} ${words}: ${reason}` : `${code} ${words}`;
}

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** A connection that lived this long is a good one: the next loss starts over with short delays. */
const STABLE_AFTER = 5_000;
/** An attempt that is not answered is given up, long before the browser would. */
const PATIENCE = 10_000;

/**
 * Connects, and after every close connects again: exponential backoff with full jitter, so that
 * a thousand pages don't come back to a restarted server in the same instant.
 *
 * Events: `open`, `message` (a MessageEvent), `close` (a CloseEvent), and `state` whenever what
 * the getters say has changed.
 */
export class Connection extends EventTarget {
  #url;
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #retryAt = null;
  #closed = null;

  constructor(path) {
    super();
    this.#url = new URL(path, location.href);
    this.#url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    addEventListener("online", () => this.retryNow());
    // A page that is left may be kept for the way back, with its socket open and answering pings:
    // the others would go on seeing somebody who is gone. If it is shown again, it reconnects.
    addEventListener("pagehide", () => this.#socket.close(1000, "the page was left"));
    this.#connect();
  }

  get readyState() {
    return this.#socket.readyState;
  }

  get isOpen() {
    return this.readyState === WebSocket.OPEN;
  }

  /** How the last open connection ended, in words; null while one is open, or before the first. */
  get closed() {
    return this.#closed;
  }

  /** When the next attempt starts, in the milliseconds of Date.now(); null if none is planned. */
  get retryAt() {
    return this.#retryAt;
  }

  /** How many bytes this page has sent that are still on this machine. */
  get bufferedAmount() {
    return this.#socket.bufferedAmount;
  }

  /** Sends now; false if there is no open connection, and nothing was sent. */
  send(data) {
    if (!this.isOpen) return false;
    this.#socket.send(data);
    return true;
  }

  /** Ends the wait for the next attempt. */
  retryNow() {
    if (this.#retryAt !== null) this.#connect();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#retryAt = null;
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;

    let opened = false;
    let stable = 0;
    const impatient = setTimeout(() => socket.close(), PATIENCE);
    socket.addEventListener("open", () => {
      clearTimeout(impatient);
      opened = true;
      this.#closed = null;
      stable = setTimeout(() => (this.#attempt = 0), STABLE_AFTER);
      this.dispatchEvent(new Event("state"));
      this.dispatchEvent(new Event("open"));
    });
    socket.addEventListener("message", ({ data }) => {
      this.dispatchEvent(new MessageEvent("message", { data }));
    });
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      clearTimeout(impatient);
      clearTimeout(stable);
      // An attempt that fails says nothing new: 1006, whatever the cause.
      this.#closed ??= opened ? closeWords(code, reason) : "no connection";
      this.#retryLater();
      this.dispatchEvent(new Event("state"));
      this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
    });
    this.dispatchEvent(new Event("state"));
  }

  #retryLater() {
    const delay = Math.random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#connect(), delay);
  }
}
