// `ws` on Node, the way its README shows it. All settings are the defaults.
const http = require("node:http");
const { WebSocketServer, WebSocket } = require("ws");

const port = Number(process.argv[2]);
const sockets = new WebSocketServer({ noServer: true });
const groups = new Map(["/chat/", "/relay/", "/idle/"].map((path) => [path, new Set()]));

sockets.on("connection", (socket, request) => {
  const path = request.url;
  const group = groups.get(path);
  socket.on("error", () => {});
  if (group) {
    group.add(socket);
    socket.on("close", () => group.delete(socket));
  }
  socket.on("message", (data, isBinary) => {
    if (path === "/echo/") {
      socket.send(data, { binary: isBinary });
      return;
    }
    const { message } = JSON.parse(data);
    const answer = JSON.stringify({ message });
    if (!group) {
      socket.send(answer);
      return;
    }
    for (const member of group) {
      if (member.readyState === WebSocket.OPEN) member.send(answer);
    }
  });
});

const server = http.createServer((request, response) => response.writeHead(426).end());
server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (client) =>
    sockets.emit("connection", client, request),
  );
});
server.listen(port, "127.0.0.1");
