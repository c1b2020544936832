import os
import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac

VARIANT = os.environ["VARIANT"]


class User(AbstractUser):
    if VARIANT == "uuid":
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def get_session_auth_hash(self):
        if VARIANT == "hash":
            return salted_hmac("accounts", f"{self.password}{self.email}").hexdigest()
        return super().get_session_auth_hash()
