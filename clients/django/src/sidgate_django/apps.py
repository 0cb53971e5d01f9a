from django.apps import AppConfig


class SidgateConfig(AppConfig):
    name = "sidgate_django"
    label = "sidgate"
    verbose_name = "Sidgate"

    def ready(self) -> None:
        from . import checks, signals  # noqa: F401  (importing registers both)
