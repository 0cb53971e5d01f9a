"""Makes the people of the tests, of whom mia has a second factor, and a first page."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_under_test.settings")
django.setup()

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from wagtail.models import Locale, Page, Site  # noqa: E402

for name in ("ada", "bob", "mia", "eve"):
    User.objects.create_user(name, f"{name}@example.com", "right")
User.objects.create_superuser("root", "root@example.com", "right")

mia = User.objects.get(username="mia")
TOTP.activate(mia, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
print(*RecoveryCodes.activate(mia).generate_codes())

Locale.objects.create(language_code="en")
kind = ContentType.objects.get_for_model(Page)
root = Page.add_root(instance=Page(title="Root", slug="root", content_type=kind))
home = root.add_child(instance=Page(title="Home of the tests", slug="home", content_type=kind))
Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)
