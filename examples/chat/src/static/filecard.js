// A file in the log: its name, how far it is, and at last a link to it.

import { element, size } from "./dom.js";

/** Pictures that are shown. SVG is not among them: it can hold scripts. */
const PREVIEWS = new Set(["image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"]);

/** States, in `data-state`: waiting, moving, done, failed. */
export class FileCard {
  #name;
  #size;
  #title;
  #status;
  #progress;

  constructor(name, bytes) {
    this.#name = name;
    this.#size = bytes;
    this.#title = element("span", { className: "file-name" }, name);
    this.#status = element("span", { className: "file-status" }, `${size(bytes)}, waiting`);
    this.#progress = element("progress", { max: bytes || 1, value: 0, ariaLabel: name });
    this.element = element(
      "div",
      { className: "file", dataset: { state: "waiting" } },
      this.#title,
      this.#progress,
      this.#status,
    );
  }

  /** Shows a button that ends the transfer. */
  cancellable(cancel) {
    const button = element("button", { type: "button", className: "file-cancel" }, "Cancel");
    button.addEventListener("click", cancel);
    this.element.append(button);
  }

  /** So many bytes have moved. */
  progress(bytes, status = `${size(bytes)} of ${size(this.#size)}`) {
    this.element.dataset.state = "moving";
    this.#progress.value = bytes;
    this.#status.textContent = status;
  }

  waiting(why) {
    this.element.dataset.state = "waiting";
    this.#progress.value = 0;
    this.#status.textContent = `${size(this.#size)}, ${why}`;
  }

  failed(why) {
    this.#end("failed", why);
  }

  /** The file is complete: links to it, and shows it if it is a picture. */
  done(blob, mime) {
    this.#end("done", size(this.#size));
    // As bytes without a type: opened in a tab of its own, it must never run as a page of this site.
    const bytes = new Blob([blob], { type: "application/octet-stream" });
    const link = element("a", { href: URL.createObjectURL(bytes), download: this.#name }, this.#name);
    this.#title.replaceChildren(link);
    if (!PREVIEWS.has(mime)) return;
    const picture = element("img", { alt: "", loading: "lazy" });
    picture.src = URL.createObjectURL(new Blob([blob], { type: mime }));
    picture.addEventListener("error", () => picture.remove());
    this.element.prepend(picture);
  }

  #end(state, status) {
    this.element.dataset.state = state;
    this.#progress.remove();
    this.element.querySelector(".file-cancel")?.remove();
    this.#status.textContent = status;
  }
}
