// The line at the bottom: text, and files by the button, by dropping and by pasting.

const TYPING_EVERY = 2_000;

/** Events: `say` (detail: the text), `files` (detail: the files), `typing`, at most every 2 s. */
export class Composer extends EventTarget {
  #text;

  constructor(form) {
    super();
    this.#text = form.querySelector("textarea");
    this.#takeText(form);
    this.#takeFiles(form.querySelector("[type=file]"), form.querySelector("#attach"));
  }

  focus() {
    this.#text.focus();
  }

  #takeText(form) {
    let typed = 0;
    this.#text.addEventListener("input", () => {
      if (this.#text.value === "" || Date.now() - typed < TYPING_EVERY) return;
      typed = Date.now();
      this.dispatchEvent(new Event("typing"));
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#text.value.trim();
      if (text === "") return;
      this.#text.value = "";
      typed = 0;
      this.dispatchEvent(new CustomEvent("say", { detail: text }));
    });
  }

  #takeFiles(input, button) {
    const take = (files) => {
      if (files.length > 0) this.dispatchEvent(new CustomEvent("files", { detail: [...files] }));
    };
    const holdsFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");

    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      take(input.files);
      input.value = "";
    });
    this.#text.addEventListener("paste", ({ clipboardData }) => take(clipboardData.files));
    addEventListener("dragover", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) document.body.classList.remove("dropping");
    });
    addEventListener("drop", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      document.body.classList.remove("dropping");
      take(event.dataTransfer.files);
    });
  }
}
