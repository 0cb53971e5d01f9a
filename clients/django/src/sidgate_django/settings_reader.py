"""Reads one dict of settings member by member, and remembers everything that is wrong with it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import import_string

KEY_BYTES = 32


@dataclass(frozen=True)
class Fault:
    setting: str
    message: str


@dataclass
class Reader:
    """Each method returns a usable value even after a fault, so that all faults are found."""

    raw: Mapping[str, Any]
    #: How the dict is called in messages, as ``SIDGATE``.
    name: str
    faults: list[Fault] = field(default_factory=list)

    def fault(self, setting: str, message: str) -> None:
        self.faults.append(Fault(setting, f"{self.name}[{setting!r}] {message}"))

    def faults_of(self, setting: str) -> list[Fault]:
        return [fault for fault in self.faults if fault.setting == setting]

    def refuse_unknown(self, known: set[str]) -> None:
        for name in sorted(set(self.raw) - known, key=str):
            self.fault(str(name), "is not a known setting.")

    def text(self, setting: str, default: str, meaning: str) -> str:
        value = self.raw.get(setting, default)
        if isinstance(value, str) and value:
            return value
        self.fault(setting, f"must be {meaning}.")
        return default

    def flag(self, setting: str) -> bool:
        value = self.raw.get(setting, False)
        if isinstance(value, bool):
            return value
        self.fault(setting, "must be True or False.")
        return False

    def choice(self, setting: str, *options: str) -> Any:
        value = self.raw.get(setting, options[0])
        if value in options:
            return value
        self.fault(setting, f"must be {' or '.join(map(repr, options))}.")
        return options[0]

    def seconds(self, setting: str, default: int, lowest: int, highest: int) -> int:
        value = self.raw.get(setting, default)
        if type(value) is int and lowest <= value <= highest:
            return value
        self.fault(setting, f"must be a whole number of seconds from {lowest} to {highest}.")
        return default

    def names(self, setting: str) -> list[str]:
        values = self._list(setting)
        if all(isinstance(value, str) for value in values):
            return values
        self.fault(setting, "must contain names only.")
        return []

    def imported(self, setting: str, default: str) -> Any:
        return self._load(setting, self.raw.get(setting, default))

    def all_imported(self, setting: str) -> tuple[Any, ...]:
        values = self._list(setting)
        if all(isinstance(value, str) or callable(value) for value in values):
            return tuple(self._load(setting, value) for value in values)
        self.fault(setting, "must contain dotted paths only.")
        return ()

    def keys(self) -> tuple[bytes, ...]:
        """``KEY``, or ``KEYS`` with the current one first."""
        if "KEY" in self.raw and "KEYS" in self.raw:
            self.fault("KEYS", f"and {self.name}['KEY'] exclude each other.")
            return ()
        setting = "KEYS" if "KEYS" in self.raw else "KEY"
        written = self.raw.get("KEYS") if setting == "KEYS" else [self.raw.get("KEY")]
        if not isinstance(written, (list, tuple)) or not written:
            self.fault(setting, "must be a list of keys, the current one first.")
            return ()
        keys = tuple(map(_decoded, written))
        if any(len(key) != KEY_BYTES for key in keys):
            # Say what to do, and nothing about the value.
            self.fault(
                setting,
                f"must be {KEY_BYTES} bytes in base64, as `sidgate keys upstream NAME` prints it.",
            )
            return ()
        return keys

    def _list(self, setting: str) -> list[Any]:
        value = self.raw.get(setting, ())
        if isinstance(value, (list, tuple, set, frozenset)):
            return list(value)
        self.fault(setting, "must be a list.")
        return []

    def _load(self, setting: str, path: object) -> Any:
        try:
            loaded = import_string(path) if isinstance(path, str) else path
        except ImportError as error:
            self.fault(setting, f"cannot be imported: {error}")
            return None
        if not callable(loaded):
            self.fault(setting, f"must name a callable, and {path!r} is none.")
        return loaded


def _decoded(key: object) -> bytes:
    try:
        # A file that holds the key ends with a new line.
        return base64.b64decode(key.strip(), validate=True) if isinstance(key, str) else b""
    except ValueError:
        return b""
