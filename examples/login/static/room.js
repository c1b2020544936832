const room = location.pathname.split("/")[2];
const log = document.querySelector("#log");
const state = document.querySelector("#state");
const me = document.querySelector("#name").textContent;
let wait = 500;
let socket;

document.title = room;
document.querySelector("#title").textContent = room;

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws/rooms/${room}/`);
  socket.onopen = () => {
    wait = 500;
    state.textContent = "";
  };
  socket.onmessage = ({ data }) => show(JSON.parse(data));
  socket.onclose = ({ code }) => {
    // 1008: the login has ended. There is no way back without another one.
    if (code === 1008) {
      state.textContent = "You are logged out.";
      return;
    }
    state.textContent = "The connection is lost; trying again.";
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 10000);
  };
}

function show({ name, text }) {
  const line = document.createElement("li");
  const who = document.createElement("b");
  who.textContent = name;
  line.append(who, " ", text);
  line.classList.toggle("mine", name === me);
  log.append(line);
  line.scrollIntoView();
}

document.querySelector("#say").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.querySelector("#text");
  if (field.value.trim() && socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ text: field.value }));
    field.value = "";
  }
});

connect();
