// Bun's own server; its pub/sub is uWebSockets'. All settings are the defaults.
const port = Number(process.argv[2]);

Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch(request, server) {
    const path = new URL(request.url).pathname;
    if (server.upgrade(request, { data: { path } })) return;
    return new Response("not a WebSocket\n", { status: 426 });
  },
  websocket: {
    open(socket) {
      const { path } = socket.data;
      if (path !== "/echo/" && path !== "/json/") socket.subscribe(path);
    },
    message(socket, message) {
      const { path } = socket.data;
      if (path === "/echo/") {
        socket.send(message);
        return;
      }
      const { message: text } = JSON.parse(message);
      const answer = JSON.stringify({ message: text });
      if (path === "/json/") {
        socket.send(answer);
      } else {
        socket.publish(path, answer); // everyone but the sender,
        socket.send(answer); // and the sender
      }
    },
  },
});
