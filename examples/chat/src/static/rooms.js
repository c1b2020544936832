// The start page: choose a room and a name.

import { element } from "./dom.js";
import { rememberedName, rememberedRooms, rememberName } from "./remembered.js";

const room = document.getElementById("room");
const name = document.getElementById("name");
const address = document.getElementById("address");

/** Converts a room's title to the name in its address: ASCII letters, digits, `_` and hyphens. */
function slug(title) {
  return title
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

function showAddress() {
  const chosen = slug(room.value);
  const unusable = room.value !== "" && chosen === "";
  room.setCustomValidity(unusable ? "Use at least one letter from a to z, or a digit." : "");
  address.textContent = chosen === "" ? "" : `${location.host}/room/${chosen}/`;
}

room.addEventListener("input", showAddress);
name.value = rememberedName();
document.getElementById("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  rememberName(name.value.trim());
  location.assign(`/room/${slug(room.value)}/`);
});

const recent = document.getElementById("recent");
for (const known of rememberedRooms()) {
  const link = element("a", { href: `/room/${encodeURIComponent(known)}/` }, `#${known}`);
  recent.querySelector("ul").append(element("li", {}, link));
  recent.hidden = false;
}
