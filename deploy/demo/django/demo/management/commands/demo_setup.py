"""Make the demo's database ready. Safe to run again: it brings everything back to this state."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command

from demo.models import Profile

PASSWORD = "password"


class Command(BaseCommand):
    help = "Create the tables and the two users of the demo."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        test = self.ensure("test@example.com", first_name="Tess", last_name="Example")
        admin = self.ensure("admin@example.com", first_name="Ada", is_staff=True, is_superuser=True)
        Profile.objects.get_or_create(user=test, defaults={"tenant": "acme", "plan": "pro"})
        Profile.objects.get_or_create(user=admin, defaults={"tenant": "sidgate", "onboarded": True})

    def ensure(self, email: str, **about: Any) -> User:
        defaults = {"email": email, "is_active": True, **about}
        user, created = User.objects.update_or_create(
            username=email,
            defaults=defaults,
            create_defaults=defaults | {"password": make_password(PASSWORD)},
        )
        # A new hash for the same password would end the sessions opened with the old one.
        if not user.check_password(PASSWORD):
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        self.stdout.write(f"{'created' if created else 'ready'}: {email}")
        return user
