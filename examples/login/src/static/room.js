import { Connection } from "/static/connection.js";

const POLICY_VIOLATION = 1008;

const room = location.pathname.split("/")[2];
const log = document.querySelector("#log");
const state = document.querySelector("#state");
const me = document.querySelector("#name").textContent;
const connection = new Connection(`/ws/rooms/${room}/`);

document.title = room;
document.querySelector("#title").textContent = room;

connection.addEventListener("open", () => (state.textContent = ""));
connection.addEventListener("message", ({ data }) => show(JSON.parse(data)));
connection.addEventListener("close", ({ code }) => {
  // The server closes with 1008 when the session has ended. Reconnecting needs another login.
  if (code === POLICY_VIOLATION) {
    connection.stop();
    state.textContent = "You are logged out.";
  } else {
    state.textContent = "Connection lost, reconnecting.";
  }
});

function show({ name, text }) {
  const line = document.createElement("li");
  const author = document.createElement("b");
  author.textContent = name;
  line.append(author, " ", text);
  line.classList.toggle("mine", name === me);
  log.append(line);
  line.scrollIntoView();
}

document.querySelector("#say").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.querySelector("#text");
  const say = JSON.stringify({ text: field.value });
  if (field.value.trim() && connection.send(say)) field.value = "";
});
