// One entry of the log: who, what and when.

import { element, hue, time } from "./dom.js";

/** Entries of one person that follow each other this closely show the name once. */
const TOGETHER = 5 * 60_000;

/** Makes the entry; `at` is null for an own one that the server has not sent back yet. */
export function messageEntry(from, own, at, content, before) {
  const avatar = element("span", { className: "avatar", ariaHidden: "true" }, [...from.name][0] ?? "");
  avatar.style.setProperty("--hue", hue(from.name));
  const when = at === null ? element("span", { className: "status" }, "sending…") : time(at);
  const entry = element(
    "li",
    { className: "message", dataset: { by: `${own} ${from.name}`, at: at ?? Date.now() } },
    avatar,
    element("p", { className: "who" }, own ? "You" : from.name),
    element("div", { className: "bubble" }, content, when),
  );
  entry.classList.toggle("own", own);
  const follows = before?.dataset.by === entry.dataset.by && entry.dataset.at - before.dataset.at < TOGETHER;
  entry.classList.toggle("follows", follows);
  return entry;
}

/** An own entry came back from the server: it shows when. */
export function settle(entry, at) {
  status(entry)?.replaceWith(time(at));
}

/** An own entry has to wait, for the reason that is given. */
export function wait(entry, why) {
  const shown = status(entry);
  if (shown) shown.textContent = why;
}

/** An own entry was not sent, for the reason that is given. */
export function fail(entry, why) {
  entry.classList.add("failed");
  wait(entry, why);
}

function status(entry) {
  return entry?.querySelector(".status");
}
