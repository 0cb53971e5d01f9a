"""Make the demo's database ready. Safe to run again: it brings everything back to this state."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command

PASSWORD = "password"


class Command(BaseCommand):
    help = "Create the tables and the two users of the demo."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self.ensure("test@example.com", first_name="Tess", last_name="Example")
        self.ensure("admin@example.com", first_name="Ada", is_staff=True, is_superuser=True)

    def ensure(self, email: str, **about: Any) -> None:
        user, created = User.objects.update_or_create(
            username=email, defaults={"email": email, "is_active": True, **about}
        )
        # A new hash for the same password would end the sessions opened with the old one.
        if not user.check_password(PASSWORD):
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        self.stdout.write(f"{'created' if created else 'ready'}: {email}")
