"""Why the gateway's login endpoint does not say who somebody is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

Code = Literal["invalid_credentials", "mfa_required", "account_disabled", "locked"]
CODES: Final = get_args(Code)

# Told when somebody is locked out by an app that does not say for how long.
DEFAULT_RETRY_AFTER = 60


# What the gateway passes on to the browser.
FLOW: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
FLOWS_MAX: Final = 16


@dataclass(frozen=True)
class Refused:
    code: Code
    #: With ``mfa_required``: what the login still needs, each in one word. ``totp`` and
    #: ``recovery_codes`` can be answered by a member ``otp`` of the next attempt, everything else
    #: on the app's own pages.
    flows: tuple[str, ...] = ()
    #: With ``locked``: seconds.
    retry_after: int | None = None
    #: Under which name attempts on this account are counted, see ``account_name``.
    account: str = ""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"code is one of {', '.join(CODES)}")
        if len(self.flows) > FLOWS_MAX or not all(map(FLOW.fullmatch, self.flows)):
            raise ValueError(f"flows are at most {FLOWS_MAX} words of letters, digits, - and _")


INVALID: Final = Refused("invalid_credentials")
DISABLED: Final = Refused("account_disabled")


def locked(retry_after: int | None = None) -> Refused:
    return Refused("locked", retry_after=retry_after or DEFAULT_RETRY_AFTER)
