"""Django Channels, as its tutorial writes consumers; uvicorn and Daphne serve `application`."""

import json
import os

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={
        "default": json.loads(
            os.environ.get("CHANNEL_LAYER", '{"BACKEND": "channels.layers.InMemoryChannelLayer"}')
        )
    },
    SECRET_KEY="a benchmark keeps no secrets",
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)


class Json(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        said = json.loads(text_data)
        await self.send(text_data=json.dumps({"message": said["message"]}))


class Member(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        said = json.loads(text_data)
        event = {"type": self.event, "message": said["message"]}
        await self.channel_layer.group_send(self.groups[0], event)

    async def answer(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


class Chat(Member):
    groups = ["f1"]
    event = "call.back"
    call_back = Member.answer


class Relay(Member):
    groups = ["f2"]
    event = "relay.back"
    relay_back = Member.answer


class Idle(Member):
    groups = ["idle"]
    event = "idle.over"
    idle_over = Member.answer


application = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("echo/", Echo.as_asgi()),
                path("json/", Json.as_asgi()),
                path("chat/", Chat.as_asgi()),
                path("relay/", Relay.as_asgi()),
                path("idle/", Idle.as_asgi()),
            ]
        )
    }
)
