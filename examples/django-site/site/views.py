from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST


@ensure_csrf_cookie
def page(request):
    return render(request, "page.html", {"moved_sockets": settings.MOVED_SOCKETS})


@require_POST
def announce(request):
    item = {"type": "news.item", "by": "a view", "text": request.POST["text"]}
    async_to_sync(get_channel_layer().group_send)("news", item)
    return HttpResponse(status=204)
