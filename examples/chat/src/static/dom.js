// Small helpers. Text goes into the page as text, never as markup.

/** Makes an element from properties, `dataset` included, and children: elements or text. */
export function element(tag, { dataset, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

/** A `<time>` for milliseconds since 1970: the time of day, all of it in the tooltip. */
export function time(at) {
  const date = new Date(at);
  return element(
    "time",
    { dateTime: date.toISOString(), title: date.toLocaleString() },
    date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  );
}

/** A number of bytes for people: "712 B", "64 kB", "5.2 MB". */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** The same colour for the same name, everywhere. */
export function hue(name) {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) | 0;
  return (hash >>> 0) % 360;
}

/** Names one after another: "Ana", "Ana and Ben", "Ana, Ben and Cem". */
export function listed(names) {
  return names.length < 2
    ? names.join("")
    : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
