"""The gateway's sessions as Django models.

The tables are the gateway's: it makes and migrates them, and hears of every change committed
there, by whomever. ``SIDGATE["DATABASE"]`` names the database they are in. Only columns that mean
something to an app are mapped; the key that belongs to the cookie is not.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, ValidationError
from django.db import connections, models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from .conf import get_conf, tables_are_managed
from .stored import NotIdle, StoredTime, StoredUUID, StoreNow

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

# Written as the reason why; the gateway shows it in its own lists.
BY_APP = "app"
BY_ADMIN = "admin"


class SessionQuerySet(models.QuerySet["Session"]):
    def active(self) -> SessionQuerySet:
        """Sessions that the gateway still admits.

        Activity is written at most a minute late, so one that is about to end from idleness may be
        missing here while it is still in use.
        """
        return self.filter(NotIdle(), revoked_at=None, expires_at__gt=StoreNow()).exclude(_ended())

    def ended(self) -> SessionQuerySet:
        active = Session.objects.using(self.db).active()
        return self.exclude(pk__in=active.values("pk"))

    def for_user(self, user: Any) -> SessionQuerySet:
        """Sessions of a user, given as an object or by its primary key."""
        return self.filter(user_id=id_of(user))

    def revoke(self, reason: str = BY_APP) -> int:
        """End these sessions everywhere; returns how many were not revoked before."""
        return self.filter(revoked_at=None).update(revoked_at=StoreNow(), revoke_reason=reason)

    def _filter_or_exclude_inplace(self, negate: bool, args: Any, kwargs: Any) -> None:
        # Not a foreign key: sessions outlive users, and ids here are text. Reads like one, though.
        if "user" in kwargs:
            kwargs = dict(kwargs)
            kwargs["user_id"] = id_of(kwargs.pop("user"))
        super()._filter_or_exclude_inplace(negate, args, kwargs)  # type: ignore[misc]


class SessionManager(models.Manager.from_queryset(SessionQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> SessionQuerySet:
        queryset: SessionQuerySet = super().get_queryset()
        return queryset.using(self._db or database())

    def revoke_user(self, user: Any) -> None:
        """End every session of a user, those included that are being opened just now.

        One row whatever their number, where ``for_user(user).revoke()`` writes each session.
        """
        Revocation.write("user", id_of(user), using=self._db or database())


class Session(models.Model):
    """One login of one browser."""

    id = StoredUUID(_("handle"), primary_key=True, editable=False)
    user_id = models.TextField(_("user id"))
    tenant_id = models.TextField(_("tenant"), null=True)  # noqa: DJ001  (the gateway's column)
    identity = models.JSONField(_("identity"))
    ip = models.GenericIPAddressField(_("address"), null=True)
    user_agent = models.TextField(_("user agent"), default="")
    created_at = StoredTime(_("created"))
    auth_time = StoredTime(_("logged in"))
    last_activity = StoredTime(_("last activity"))
    expires_at = StoredTime(_("ends"))
    idle_seconds = models.IntegerField(_("idle seconds"), default=0)
    revoked_at = StoredTime(_("revoked"), null=True)
    revoke_reason = models.TextField(_("reason"), null=True)  # noqa: DJ001
    created_seq = models.BigIntegerField(editable=False)

    objects: ClassVar[SessionManager] = SessionManager()

    class Meta:
        managed = tables_are_managed()
        db_table = "sidgate_session"
        ordering = ("-last_activity",)
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return str(self.pk)

    @cached_property
    def user(self) -> AbstractBaseUser | None:
        """The Django user, if there still is one."""
        try:
            user: AbstractBaseUser = get_user_model()._default_manager.get(pk=self.user_id)
        except (ObjectDoesNotExist, ValueError, TypeError, OverflowError, ValidationError):
            return None
        return user

    @property
    def email(self) -> str:
        return str(self.identity.get("user", {}).get("email") or "")

    def is_active(self) -> bool:
        return self._itself().active().exists()

    def revoke(self, reason: str = BY_APP) -> bool:
        """End this session everywhere; whether it was not revoked before."""
        return self._itself().revoke(reason) == 1

    def _itself(self) -> SessionQuerySet:
        itself: SessionQuerySet = Session.objects.using(self._state.db).filter(pk=self.pk)
        return itself


class Revocation(models.Model):
    """Ends all sessions of its subject that began before event number ``seq``."""

    pk = models.CompositePrimaryKey("kind", "subject")
    kind = models.TextField()
    subject = models.TextField()
    seq = models.BigIntegerField(null=True)

    class Meta:
        managed = tables_are_managed()
        db_table = "sidgate_revocation"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()

    @classmethod
    def write(cls, kind: str, subject: str, *, using: str) -> None:
        # The number is filled in by the gateway's trigger; this is the form its schema asks for.
        with connections[using].cursor() as cursor:
            cursor.execute(
                "INSERT INTO sidgate_revocation (kind, subject) VALUES (%s, %s)"
                " ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL",
                [kind, subject],
            )


def id_of(user: Any) -> str:
    """As the gateway knows a user: the primary key, as text."""
    return str(getattr(user, "pk", user))


def _ended() -> Exists:
    """Whether the session's user, tenant or everybody was revoked after it began."""
    named = (
        Q(kind="user", subject=OuterRef("user_id"))
        | Q(kind="tenant", subject=OuterRef("tenant_id"))
        | Q(kind="all", subject="")
    )
    return Exists(Revocation.objects.filter(named, seq__gt=OuterRef("created_seq")))


def database() -> str:
    """The alias, or an error that says what to do."""
    alias = get_conf().database
    if alias is None:
        raise ImproperlyConfigured(
            "The gateway's sessions are in no database that this app knows: set "
            "SIDGATE['DATABASE'] to an alias of settings.DATABASES."
        )
    return alias
