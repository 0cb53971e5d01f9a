import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_under_test.settings")
pages = get_asgi_application()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from django.urls import path  # noqa: E402
from sidgate_django.channels import GatewayAuthMiddleware  # noqa: E402


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.send_json(
            {
                "user": self.scope["user"].get_username() or None,
                "seen": await self.scope["session"].aget("seen"),
            }
        )

    async def receive_json(self, content):
        await self.send_json({"user": self.scope["user"].get_username(), "said": content})


sockets = URLRouter([path("ws/", Chat.as_asgi())])
application = ProtocolTypeRouter(
    {"http": pages, "websocket": AllowedHostsOriginValidator(GatewayAuthMiddleware(sockets))}
)
