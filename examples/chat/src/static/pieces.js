// The binary messages of a room: one byte n, n bytes of the file's id, then the data.

/** A message has at most so many bytes in all. */
const LARGEST = 64 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How much data fits one message, for a file of that id. */
export function room(id) {
  return LARGEST - 1 - encoder.encode(id).length;
}

export function encode(id, data) {
  const name = encoder.encode(id);
  const message = new Uint8Array(1 + name.length + data.byteLength);
  message[0] = name.length;
  message.set(name, 1);
  message.set(new Uint8Array(data), 1 + name.length);
  return message;
}

/** The file's id and the data of a message. */
export function decode(message) {
  const start = 1 + message[0];
  return { id: decoder.decode(message.subarray(1, start)), data: message.subarray(start) };
}
