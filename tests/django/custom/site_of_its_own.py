"""`new`: makes the site's tables, a user and its session, and prints the session's key and data.
`check KEY`: prints whom the site finds behind the session, and the session's data."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

client = Client()
if sys.argv[1] == "new":
    call_command("migrate", run_syncdb=True, verbosity=0)
    user = get_user_model().objects.create_user("ana", "ana@example.com", "correct horse")
    client.force_login(user)
    session = client.session
    session["cart"] = [1, 2]
    session.save()
    key = session.session_key
    print(key)
else:
    key = sys.argv[2]
    client.cookies["sessionid"] = key
    print(client.get("/who/").content.decode())
print(Session.objects.get(session_key=key).session_data)
