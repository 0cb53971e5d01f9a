"""The gateway's sessions in Django's admin: look, filter, revoke. Nothing can be edited."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .conf import parse
from .models import BY_ADMIN, Session, SessionQuerySet


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("active", _("Active")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "active":
                return queryset.active()
            case "ended":
                return queryset.ended()
        return queryset


class MineFilter(admin.SimpleListFilter):
    title = _("user")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mine", _("My own"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.for_user(request.user) if self.value() == "mine" else queryset


class SessionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user_name", "tenant_id", "device", "ip", "last_activity", "ends", "state")
    list_filter = (StateFilter, MineFilter)
    search_fields = ("=user_id", "=tenant_id", "=ip", "identity__user__email")
    search_help_text = _("User id, tenant or address exactly, or a part of the email address")
    actions = ("revoke_selected",)
    ordering = ("-last_activity",)
    # Counting a table of millions for one line of text is not worth it.
    show_full_result_count = False
    fields = (
        "id",
        "user_name",
        "user_id",
        "tenant_id",
        "state",
        "ip",
        "user_agent",
        "created_at",
        "auth_time",
        "last_activity",
        "expires_at",
        "revoked_at",
        "revoke_reason",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        active = Session.objects.active().filter(pk=OuterRef("pk"))
        return Session.objects.annotate(is_admitted=Exists(active))

    @admin.display(description=_("user"))
    def user_name(self, session: Session) -> str:
        return session.email or session.user_id

    @admin.display(description=_("device"))
    def device(self, session: Session) -> str:
        agent = session.user_agent
        return f"{agent[:40]}…" if len(agent) > 40 else agent or "?"

    @admin.display(description=_("ends"), ordering="expires_at")
    def ends(self, session: Session) -> Any:
        return session.expires_at

    @admin.display(description=_("active"), boolean=True)
    def state(self, session: Session) -> bool:
        return bool(session.is_admitted)  # type: ignore[attr-defined]

    @admin.action(description=_("Revoke selected sessions"), permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: SessionQuerySet) -> None:
        revoked = queryset.revoke(BY_ADMIN)
        text = ngettext("%d session was revoked.", "%d sessions were revoked.", revoked) % revoked
        self.message_user(request, text, messages.SUCCESS)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Without an object: whether the action may be taken. One session is only looked at.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Revoking does it and leaves a trace of who was logged in; housekeeping removes the rows.
        return False


# Faulty settings are for the system checks to report, which run after this.
_conf, _faults = parse(getattr(settings, "SIDGATE", None))
if _conf is not None and _conf.database is not None:
    admin.site.register(Session, SessionAdmin)
