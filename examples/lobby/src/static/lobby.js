// Sends and receives plain text. A page receives its own messages, too.

import { Connection, STATES } from "./connection.js";

const MAX_ENTRIES = 500;
const connection = new Connection("/chat/");
const log = document.getElementById("log");
const state = document.getElementById("state");
const text = document.getElementById("text");

connection.addEventListener("state", () => {
  state.textContent = connection.closed ?? STATES[connection.readyState];
});

connection.addEventListener("message", ({ data }) => {
  const now = new Date();
  const time = document.createElement("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const message = document.createElement("span");
  message.className = "text";
  message.textContent = data;
  const entry = document.createElement("li");
  entry.className = "message";
  entry.append(time, message);
  log.append(entry);
  if (log.children.length > MAX_ENTRIES) log.firstElementChild.remove();
  entry.scrollIntoView();
});

// A message that cannot be sent now stays in its field.
document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim() !== "" && connection.send(text.value)) text.value = "";
});
