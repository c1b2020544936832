// The lobby: the tutorial's chat. Plain text goes out, plain text comes in, also one's own.

import { element, time } from "./dom.js";
import { Log } from "./log.js";
import { rememberedName, rememberedRooms, rememberName } from "./remembered.js";
import { Connection } from "./socket.js";
import { showState } from "./state.js";

const connection = new Connection("/chat/");
showState(connection);

const log = new Log(document.getElementById("log"), document.getElementById("jump"));
connection.addEventListener("message", ({ data }) => {
  const text = element("p", { className: "text" }, data);
  const bubble = element("div", { className: "bubble" }, text, time(Date.now()));
  log.add(element("li", { className: "message plain" }, bubble));
});

// What cannot be sent now stays in its field.
const text = document.getElementById("text");
document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim() !== "" && connection.send(text.value)) text.value = "";
});

const room = document.getElementById("room");
const name = document.getElementById("name");
const address = document.getElementById("address");

/** A room's name as it stands in its address: ASCII letters, digits and hyphens. */
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
  room.setCustomValidity(unusable ? "Use at least one letter of a to z, or a digit." : "");
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
