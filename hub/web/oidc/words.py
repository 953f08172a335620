"""What a person reads when the log-in through the provider did not come about."""

from __future__ import annotations

from collections.abc import Mapping

from hub.web.i18n import _l
from hub.web.oidc.refusals import Reason

REFUSALS: Mapping[Reason, tuple[int, str, str]] = {
    Reason.DENIED: (
        403,
        _l("You were not logged in"),
        _l(
            "%(provider)s says that the log-in was cancelled or is not allowed for you. Try again, or ask "
            "whoever runs it."
        ),
    ),
    Reason.STALE: (
        400,
        _l("This log-in is no longer good"),
        _l("It was used already, took longer than ten minutes, or began in another browser. Begin again."),
    ),
    Reason.AWAY: (
        503,
        _l("%(provider)s does not answer"),
        _l("Try again in a minute. If it stays so, tell whoever runs the hub; calls are taken meanwhile as always."),
    ),
    Reason.SETUP: (
        502,
        _l("The log-in is not set up properly"),
        _l(
            "%(provider)s and the hub do not understand each other. Tell whoever runs the hub: the log says "
            "what is wrong."
        ),
    ),
    Reason.UNTRUSTED: (
        403,
        _l("The answer could not be trusted"),
        _l(
            "What came back from %(provider)s was not meant for this log-in. Begin again; if it stays so, "
            "tell whoever runs the hub."
        ),
    ),
    Reason.CLOCK: (
        403,
        _l("The clocks disagree"),
        _l(
            "The time of the hub and that of %(provider)s are too far apart. Begin again; if it stays so, "
            "tell whoever runs the hub to check the clock."
        ),
    ),
    Reason.UNVERIFIED: (
        403,
        _l("Your e-mail address is not confirmed"),
        _l("%(provider)s did not say that your address is really yours. Confirm it there, then log in again."),
    ),
    Reason.UNKNOWN: (
        403,
        _l("You have no account here yet"),
        _l(
            "%(provider)s knows you, but nobody has added you to a workspace. Ask an owner or an "
            "administrator of yours to add your e-mail address on the page “Users”."
        ),
    ),
    Reason.DISABLED: (
        403,
        _l("Your account is disabled"),
        _l("Ask an owner or an administrator of your workspace if you should have it back."),
    ),
    Reason.TAKEN: (
        403,
        _l("This account belongs to another log-in"),
        _l(
            "Somebody else at %(provider)s has used your e-mail address here before. Ask whoever runs the "
            "hub to free it."
        ),
    ),
    Reason.BRAKE: (
        429,
        _l("Too many attempts"),
        _l("Wait a few minutes, then try again."),
    ),
}  # fmt: skip
