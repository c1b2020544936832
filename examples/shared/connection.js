// A WebSocket that reconnects, and descriptions of close codes. Every example page uses it.

/** Names of the values of `readyState`. */
export const STATES = ["connecting", "connected", "closing", "closed"];

/** Descriptions of close codes: RFC 6455 §7.4.1 and the IANA registry. */
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

/** Close codes for a message of this page that the server rejected: do not send it again. */
export const CLIENT_ERRORS = new Set([1002, 1003, 1007, 1008, 1009]);

/** Describes a close code, followed by the reason that the server sent. */
export function describeClose(code, reason) {
  const range = code >= 4000 ? "application code" : code >= 3000 ? "registered code" : "unknown code";
  const words = CLOSE_CODES[code] ?? range;
  return reason && reason.toLowerCase() !== words ? `${code} ${words}: ${reason}` : `${code} ${words}`;
}

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** A connection that stays open this long resets the backoff. */
const STABLE_MS = 5_000;
/** An attempt without an answer is aborted after this time, long before the browser would. */
const ATTEMPT_TIMEOUT_MS = 10_000;

/**
 * Connects, and reconnects after every close: exponential backoff with full jitter, so that a
 * thousand pages do not reconnect to a restarted server at the same moment.
 *
 * Events: `open`, `message` (a MessageEvent), `close` (a CloseEvent), and `state` whenever the value
 * of a getter has changed. Call `stop()` in a `close` listener to stay disconnected.
 */
export class Connection extends EventTarget {
  #url;
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #retryAt = null;
  #closed = null;
  #stopped = false;

  constructor(path) {
    super();
    this.#url = new URL(path, location.href);
    this.#url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    addEventListener("online", () => this.retryNow());
    // The browser may keep a page after navigation (back/forward cache), with its socket open and
    // answering pings: other users would see a member who has left. A restored page reconnects.
    addEventListener("pagehide", () => this.#socket.close(1000, "the user left the page"));
    this.#connect();
  }

  get readyState() {
    return this.#socket.readyState;
  }

  get isOpen() {
    return this.readyState === WebSocket.OPEN;
  }

  /** Describes how the last open connection ended; null while one is open, or before the first. */
  get closed() {
    return this.#closed;
  }

  /** Start of the next attempt, as a Date.now() timestamp; null if none is scheduled. */
  get retryAt() {
    return this.#retryAt;
  }

  /** Number of sent bytes that the browser still holds. */
  get bufferedAmount() {
    return this.#socket.bufferedAmount;
  }

  /** Sends now. Returns false, and sends nothing, while no connection is open. */
  send(data) {
    if (!this.isOpen) return false;
    this.#socket.send(data);
    return true;
  }

  /** Starts the next attempt immediately. */
  retryNow() {
    if (this.#retryAt !== null) this.#connect();
  }

  /** Closes the connection and does not reconnect. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#retryAt = null;
    this.#socket.close();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#retryAt = null;
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;

    let opened = false;
    let stable = 0;
    const timeout = setTimeout(() => socket.close(), ATTEMPT_TIMEOUT_MS);
    socket.addEventListener("open", () => {
      clearTimeout(timeout);
      opened = true;
      this.#closed = null;
      stable = setTimeout(() => (this.#attempt = 0), STABLE_MS);
      this.dispatchEvent(new Event("state"));
      this.dispatchEvent(new Event("open"));
    });
    socket.addEventListener("message", ({ data }) => {
      this.dispatchEvent(new MessageEvent("message", { data }));
    });
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      clearTimeout(timeout);
      clearTimeout(stable);
      // A failed attempt always reports 1006, so it does not replace the description.
      this.#closed ??= opened ? describeClose(code, reason) : "no connection";
      if (!this.#stopped) this.#scheduleRetry();
      this.dispatchEvent(new Event("state"));
      this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
    });
    this.dispatchEvent(new Event("state"));
  }

  #scheduleRetry() {
    const delay = Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#connect(), delay);
  }
}
