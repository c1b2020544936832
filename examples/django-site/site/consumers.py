from channels.generic.websocket import AsyncJsonWebsocketConsumer


class News(AsyncJsonWebsocketConsumer):
    """The consumer as it was, and still is here."""

    groups = ["news"]

    async def receive_json(self, content):
        name = self.scope["user"].get_username() or "somebody"
        item = {"type": "news.item", "by": f"{name} on Django", "text": content["text"]}
        await self.channel_layer.group_send("news", item)

    async def news_item(self, event):
        await self.send_json({"by": event["by"], "text": event["text"]})
