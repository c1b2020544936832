// The list of what was said: it follows the newest entry unless the reader has scrolled up.

import { element, time } from "./dom.js";

const LONGEST = 500;

export class Log {
  #list;
  #jump;
  #atEnd = true;
  /** A phone's keyboard makes the list smaller, a picture makes an entry larger: the end stays. */
  #sizes = new ResizeObserver(() => this.#atEnd && this.#toEnd());

  /** Takes the list, which scrolls, and the button that leads to the newest entry. */
  constructor(list, jump) {
    this.#list = list;
    this.#jump = jump;
    jump.addEventListener("click", () => this.#toEnd());
    list.addEventListener("scroll", () => this.#look(), { passive: true });
    this.#sizes.observe(list);
  }

  /** Appends an entry. Somebody's own brings the end into view in any case. */
  add(entry, { own = false } = {}) {
    const follow = own || this.#atEnd;
    this.#list.append(entry);
    this.#sizes.observe(entry);
    while (this.#list.children.length > LONGEST) this.#forget(this.#list.firstElementChild);
    if (follow) this.#toEnd();
    else this.#jump.hidden = false;
  }

  /** Appends a remark that nobody said: who came, who left. */
  notice(text, at = Date.now()) {
    this.add(element("li", { className: "notice" }, text, " ", time(at)));
  }

  get last() {
    return this.#list.lastElementChild;
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < 60;
    if (this.#atEnd) this.#jump.hidden = true;
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#look();
  }

  /** Drops an entry, and the memory of a file that came with it. */
  #forget(entry) {
    for (const link of entry.querySelectorAll('[href^="blob:"], [src^="blob:"]')) {
      URL.revokeObjectURL(link.href ?? link.src);
    }
    this.#sizes.unobserve(entry);
    entry.remove();
  }
}
