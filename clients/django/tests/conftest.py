import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.file import SessionStore as FileStore
from django.core.cache import cache
from django.db import connections

from sidgate_django.session_stores import _extended

from .gateway_tables import PostgresTables, SqliteTables
from .postgres import Postgres, programs


@pytest.fixture(autouse=True)
def no_memory():
    """What is kept between requests of one project is kept from the next test's."""
    cache.clear()  # allauth counts attempts there
    _extended.cache_clear()
    if "_storage_path" in vars(FileStore):
        del FileStore._storage_path


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


@pytest.fixture(scope="session")
def postgres():
    if programs() is None:
        pytest.fail("PostgreSQL is not installed; scripts/bootstrap test installs it")
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(params=["postgres", "sqlite"])
def tables(request, db, sidgate, tmp_path):
    """A store of the gateway, reached by Django as the database ``sidgate``."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        options = {"HOST": "127.0.0.1", "PORT": server.port, "NAME": "sidgate", "USER": "app"}
        tables = PostgresTables(server.dsn("sidgate"))
    else:
        options = {"NAME": tmp_path / "sidgate.db"}
        tables = SqliteTables(options["NAME"])
    engine = "postgresql" if request.param == "postgres" else "sqlite3"
    options["ENGINE"] = f"django.db.backends.{engine}"
    configured = connections.configure_settings({"default": {}, "sidgate": options})
    django_settings.DATABASES["sidgate"] = configured["sidgate"]
    sidgate(DATABASE="sidgate")
    # Connected by hand: a test case forbids databases it does not know, and would wrap those it
    # knows in a transaction that never commits, so no trigger would ever fire.
    connections["sidgate"].connect()
    yield tables
    connections["sidgate"].close()
    del connections["sidgate"], django_settings.DATABASES["sidgate"]
    tables.database.close()
