// A room. What goes over its socket, /chat/<room>/:
//
// Text messages are JSON with a `type`. A person is {id, name}; the id is one connection's. Times are
// milliseconds since 1970, by the server's clock. `ref` is a number of the sender's choice, by
// which it knows its own again.
//
//   page → server                           server → page
//   hello  name: first, and to rename       welcome    you, at: the answer to hello
//                                           joined     who, at: also after a rename
//                                           here       who: was here before you
//                                           left       who, at
//   say    text, ref                        said       from, text, ref, at
//   typing                                  typing     from: not to the typist
//   file   name, size, mime, ref            file       from, file, name, size, mime, ref, at
//                                           taken      file, bytes: to the sender
//   cancel                                  cancelled  file
//                                           refused    why, ref: nothing became of it
//
// Binary messages are pieces of a file, the same both ways: one byte n, n bytes of the file's id (the
// `file` that the server gave it), then the data; 64 KiB at the most in all. A sender has one
// file on its way at a time, and is never more than WINDOW bytes ahead of what `taken` says: so
// far has every member's socket taken it. A slow reader slows the sender down; nobody loses a piece.

import { Composer } from "./composer.js";
import { element, hue } from "./dom.js";
import { Downloads } from "./downloads.js";
import { FileCard } from "./filecard.js";
import { Log } from "./log.js";
import { fail, messageEntry, settle, wait } from "./message.js";
import { askName } from "./naming.js";
import { rememberedName, rememberName, rememberRoom } from "./remembered.js";
import { Connection, CLIENT_ERRORS } from "./connection.js";
import { showState } from "./state.js";
import { TypingNotice } from "./typing.js";
import { Uploads } from "./uploads.js";

const room = location.pathname.split("/")[2];
const connection = new Connection(`/chat/${room}/`);
/** Sends now; false before the server has said welcome, for until then it takes a hello alone. */
const send = (message) => me.id !== null && connection.send(JSON.stringify(message));

const log = new Log(document.getElementById("log"), document.getElementById("jump"));
const typing = new TypingNotice(document.getElementById("typing"));
const composer = new Composer(document.getElementById("say"));
const uploads = new Uploads(connection, send);
const downloads = new Downloads();

/** This page's person. There is no id before the server has said welcome, nor while it is away. */
let me = { id: null, name: rememberedName() };
let wasHere = false;
/** The others: their names by their ids. */
const people = new Map();
/** What this page said and has not heard back yet, by ref: {text, entry}. */
const unheard = new Map();
let nextRef = 1;

const handlers = {
  welcome({ you, at }) {
    const arrived = me.id === null;
    if (!arrived && you.name !== me.name) log.notice(`You are now ${you.name}.`, at);
    me = you;
    rememberName(me.name);
    showPeople();
    if (!arrived) return;
    log.notice(wasHere ? "You are back." : `You joined as ${me.name}.`, at);
    wasHere = true;
    for (const [ref, { text }] of unheard) send({ type: "say", text, ref });
    uploads.resume();
  },

  joined({ who, at }) {
    const before = people.get(who.id);
    people.set(who.id, who.name);
    showPeople();
    if (before === undefined) log.notice(`${who.name} joined.`, at);
    else if (before !== who.name) log.notice(`${before} is now ${who.name}.`, at);
  },

  here({ who }) {
    people.set(who.id, who.name);
    showPeople();
  },

  left({ who, at }) {
    people.delete(who.id);
    showPeople();
    typing.stop(who.id);
    downloads.interrupt(who.id);
    log.notice(`${who.name} left.`, at);
  },

  said({ from, text, ref, at }) {
    typing.stop(from.id);
    if (from.id !== me.id) return hear(from, at, saidText(text));
    settle(unheard.get(ref)?.entry, at);
    unheard.delete(ref);
  },

  typing({ from }) {
    typing.start(from);
  },

  file(offer) {
    if (offer.from.id === me.id) return settle(uploads.accepted(offer)?.entry, offer.at);
    const card = new FileCard(offer.name, offer.size);
    hear(offer.from, offer.at, card.element);
    downloads.start(offer, card);
  },

  taken({ file, bytes }) {
    uploads.taken(file, bytes);
  },

  cancelled({ file }) {
    downloads.cancelled(file);
  },

  refused({ why, ref }) {
    if (unheard.has(ref)) {
      fail(unheard.get(ref).entry, why);
      unheard.delete(ref);
    } else if (!uploads.refused(ref, why)) {
      log.notice(why);
    }
  },
};

connection.addEventListener("open", hello);
connection.addEventListener("message", ({ data }) => {
  if (data instanceof ArrayBuffer) return downloads.piece(new Uint8Array(data));
  const message = JSON.parse(data);
  handlers[message.type]?.(message);
});
connection.addEventListener("close", ({ code }) => {
  me = { ...me, id: null };
  people.clear();
  showPeople();
  typing.clear();
  downloads.interruptAll();
  uploads.interrupt(CLIENT_ERRORS.has(code));
  for (const [ref, { entry }] of unheard) {
    wait(entry, "waits for the connection");
    if (!CLIENT_ERRORS.has(code)) continue;
    fail(entry, "not sent");
    unheard.delete(ref);
  }
});

composer.addEventListener("typing", () => send({ type: "typing" }));
composer.addEventListener("say", ({ detail: text }) => {
  const [ref, entry] = [nextRef++, hear(me, null, saidText(text))];
  unheard.set(ref, { text, entry });
  // Without a connection it goes out with the next welcome.
  if (!send({ type: "say", text, ref })) wait(entry, "waits for the connection");
});
composer.addEventListener("files", ({ detail: files }) => {
  for (const file of files) {
    const card = new FileCard(file.name, file.size);
    const entry = hear(me, null, card.element);
    wait(entry, ""); // The card says how far the file is.
    uploads.add(file, card, entry, nextRef++);
  }
});

function hello() {
  if (me.name !== "") connection.send(JSON.stringify({ type: "hello", name: me.name }));
}

async function rename() {
  const name = await askName(me.name);
  composer.focus();
  // The server's welcome says the new name; while there is no connection, the next hello does.
  if (name === me.name || send({ type: "hello", name })) return;
  me.name = name;
  showPeople();
  hello();
}

function saidText(text) {
  return element("p", { className: "text" }, text);
}

/** Adds what somebody brings into the room; `at` is null for what the server has not sent back. */
function hear(from, at, content) {
  const own = from === me;
  const entry = messageEntry(from, own, at, content, log.last);
  log.add(entry, { own });
  if (document.hidden) document.title = `• #${room}`;
  return entry;
}

function showPeople() {
  const chip = (content, name) => {
    content.style.setProperty("--hue", hue(name));
    return element("li", {}, content);
  };
  const named = (name) => element("span", { className: "name" }, name);
  const mine = element("button", { type: "button", title: "Change your name" }, named(me.name || "You"));
  mine.append(element("span", { className: "hidden" }, " (you: change your name)"));
  mine.addEventListener("click", rename);
  const others = [...people.values()].map((name) => chip(named(name), name));
  document.getElementById("people").replaceChildren(chip(mine, me.name), ...others);
}

document.title = `#${room}`;
document.getElementById("title").textContent = `#${room}`;
document.addEventListener("visibilitychange", () => (document.title = `#${room}`));
showState(connection);
showPeople();
rememberRoom(room);
if (me.name === "") rename();
else composer.focus();
