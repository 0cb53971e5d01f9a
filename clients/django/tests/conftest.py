import pytest
from django.contrib.auth.models import User


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada", "ada@example.com", "right", first_name="Ada")


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob", "bob@example.com", "right")


@pytest.fixture
def sidgate(settings):
    """Change members of ``settings.SIDGATE`` for one test."""

    def change(**members):
        kept = {name: value for name, value in settings.SIDGATE.items() if name not in members}
        settings.SIDGATE = kept | {k: v for k, v in members.items() if v is not None}

    return change
