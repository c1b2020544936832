from django.http import HttpResponse
from django.urls import path


def who(request):
    return HttpResponse(f"{request.user.get_username()} {request.session.get('cart')}")


urlpatterns = [path("who/", who)]
