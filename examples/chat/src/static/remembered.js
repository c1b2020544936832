// What this browser remembers: your name, and the rooms you were in.

const MOST_ROOMS = 5;

/** Storage can be forbidden or full: then nothing is remembered, and all else works. */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As if it had been forgotten.
  }
}

export function rememberedName() {
  return read("chat.name") ?? "";
}

export function rememberName(name) {
  write("chat.name", name);
}

export function rememberedRooms() {
  return (read("chat.rooms") ?? "").split(" ").filter(Boolean);
}

export function rememberRoom(room) {
  const others = rememberedRooms().filter((other) => other !== room);
  write("chat.rooms", [room, ...others].slice(0, MOST_ROOMS).join(" "));
}
