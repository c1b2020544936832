// "Ana is typing…": shown for a while after each notice, and gone with what was typed.

import { listed } from "./dom.js";

const SHOWN_FOR = 4_000;
const MOST_NAMES = 3;

export class TypingNotice {
  #line;
  /** Who is typing, by id: {name, timer}. */
  #typists = new Map();

  constructor(line) {
    this.#line = line;
  }

  start({ id, name }) {
    clearTimeout(this.#typists.get(id)?.timer);
    this.#typists.set(id, { name, timer: setTimeout(() => this.stop(id), SHOWN_FOR) });
    this.#show();
  }

  stop(id) {
    clearTimeout(this.#typists.get(id)?.timer);
    this.#typists.delete(id);
    this.#show();
  }

  clear() {
    for (const id of [...this.#typists.keys()]) this.stop(id);
  }

  #show() {
    const names = [...this.#typists.values()].map(({ name }) => name);
    const who = names.length > MOST_NAMES ? "Several people" : listed(names);
    const are = names.length > 1 ? "are" : "is";
    this.#line.textContent = names.length > 0 ? `${who} ${are} typing…` : "";
  }
}
