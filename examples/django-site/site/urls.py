from django.contrib import admin
from django.urls import path

import views

urlpatterns = [
    path("", views.page),
    path("announce/", views.announce),
    path("admin/", admin.site.urls),
]
