"""What the demo knows about its people besides Django's own users."""

from django.conf import settings
from django.db import models


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    tenant = models.CharField(max_length=40)
    plan = models.CharField(max_length=20, default="free")
    onboarded = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.user} of {self.tenant}"


class Note(models.Model):
    """Belongs to a tenant: everybody there sees it, nobody elsewhere does."""

    tenant = models.CharField(max_length=40, db_index=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.CharField(max_length=280)
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-written_at", "-pk")

    def __str__(self) -> str:
        return self.text
