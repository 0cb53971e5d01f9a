"""The gateway's tables, as the setting says: known to Django (the default), or made by it."""

from django.db import migrations, models

from ..conf import tables_are_managed
from ..stored import StoredTime, StoredUUID


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    StoredUUID(
                        editable=False, primary_key=True, serialize=False, verbose_name="handle"
                    ),
                ),
                ("user_id", models.TextField(verbose_name="user id")),
                ("tenant_id", models.TextField(null=True, verbose_name="tenant")),
                ("identity", models.JSONField(verbose_name="identity")),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="address")),
                ("user_agent", models.TextField(default="", verbose_name="user agent")),
                ("created_at", StoredTime(verbose_name="created")),
                ("auth_time", StoredTime(verbose_name="logged in")),
                ("last_activity", StoredTime(verbose_name="last activity")),
                ("expires_at", StoredTime(verbose_name="ends")),
                ("idle_seconds", models.IntegerField(default=0, verbose_name="idle seconds")),
                ("revoked_at", StoredTime(null=True, verbose_name="revoked")),
                ("revoke_reason", models.TextField(null=True, verbose_name="reason")),
                ("created_seq", models.BigIntegerField(editable=False)),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "db_table": "sidgate_session",
                "ordering": ("-last_activity",),
                "managed": tables_are_managed(),
            },
        ),
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "kind",
                        "subject",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.TextField()),
                ("subject", models.TextField()),
                ("seq", models.BigIntegerField(null=True)),
            ],
            options={"db_table": "sidgate_revocation", "managed": tables_are_managed()},
        ),
    )
