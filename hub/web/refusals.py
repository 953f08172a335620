"""Why another system does not let the hub in, in the reader's language: by the typed reason and what it names.

The vendor's own words stand beside, as they came: its support asks for them, and nobody can translate them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.errors import AuthExpired, AuthRevoked, DeliveryError, DozvonError, Paused, Rejected, Throttled
from hub.web.i18n import _, _l

_OURS = frozenset(
    {
        "name_unknown",
        "no_connection",
        "no_tls",
        "no_answer",
        "private_address",
        "https_only",
        "unknown_server",
        "unknown_application",
        "other_account",
        "connected_already",
        "elsewhere",
        "admin_needed",
    }
)
"""Reasons that the hub itself found: there are no words of the vendor's."""
REASONS: Mapping[str, tuple[str, str]] = {
    "name_unknown": (
        _l("There is no such address on the internet: %(host)s."),
        _l("Look for a typing mistake: copy the address from the browser."),
    ),
    "no_connection": (
        _l("Nobody answers at %(host)s."),
        _l("Check the address. If it is right, try again in a minute."),
    ),
    "no_tls": (
        _l("%(host)s has no valid certificate, so it is not sure who answers there."),
        _l("Check the address. If the server is your own, give it a valid certificate."),
    ),
    "no_answer": (
        _l("%(host)s took the request and did not answer in time."),
        _l("Try again in a minute."),
    ),
    "private_address": (
        _l("%(host)s is an address of a private network, which the hub does not call by itself."),
        _l("If it is yours, whoever runs the hub adds it to DOZVON_ALLOW_HOSTS."),
    ),
    "https_only": (
        _l("%(host)s is called over https only."),
        _l("Write the address with https:// at its beginning."),
    ),
    "not_this_system": (
        _l("Somebody answers at this address, but it is not %(title)s."),
        _l("Check the address: copy it from the browser in which you work with %(title)s."),
    ),
    "moved": (
        _l("%(title)s has moved to another address."),
        _l("Enter the new address: open it in the browser and copy it from there."),
    ),
    "wrong_keys": (
        _l("%(title)s does not know these keys."),
        _l("Copy them once more, each from its own field, and make sure that they are of this account."),
    ),
    "wrong_token": (
        _l("%(title)s does not take this token: it is of another account, was withdrawn, or has expired."),
        _l("Make a new token in this account and enter it."),
    ),
    "log_in_refused": (
        _l("%(title)s takes the log-in for no longer good."),
        _l("Log in once more."),
    ),
    "rights_missing": (
        _l("The keys are right, but they lack rights: %(rights)s."),
        _l("Add the rights in %(title)s, then check once more."),
    ),
    "rights_unnamed": (
        _l("The keys are right, but they lack rights."),
        _l("Let an administrator of %(title)s connect it, or add the rights; then check once more."),
    ),
    "switched_off": (
        _l("The API is switched off in %(title)s."),
        _l("Switch on the API connector in the personal account, then check once more."),
    ),
    "account_blocked": (
        _l("%(title)s has blocked or closed the account."),
        _l("Look at its balance and contract, then check once more."),
    ),
    "account_closed": (
        _l("%(title)s has closed this account."),
        _l("Connect another one."),
    ),
    "server_not_allowed": (
        _l("%(title)s does not take requests from this server."),
        _l("Add the server’s address to the allowed ones in the personal account, then check once more."),
    ),
    "locked": (
        _l("%(title)s is shut for some minutes after several wrong requests."),
        _l("Wait a few minutes, then check once more."),
    ),
    "blocked_by_hand": (
        _l("%(title)s has blocked programs’ access to this account by hand."),
        _l("Write to its support, then check once more."),
    ),
    "not_paid": (
        _l("The plan in %(title)s does not include programs’ access, or is not paid."),
        _l("Pay for the plan in %(title)s, then check once more."),
    ),
    "user_not_allowed": (
        _l("Who connected it may not use the application in %(title)s."),
        _l("Let this user use the application, then check once more."),
    ),
    "application_needed": (
        _l("%(title)s wants an application here, not a webhook."),
        _l("Connect it as an application."),
    ),
    "to_be_confirmed": (
        _l("An administrator of %(title)s has to confirm the access first."),
        _l("Ask for the confirmation, then check once more."),
    ),
    "unknown_server": (
        _l("%(host)s is not known to the hub as a log-in server."),
        _l("If it is the vendor’s own, whoever runs the hub adds it to its settings."),
    ),
    "unknown_application": (
        _l("The access is for an application that the hub does not know."),
        _l("Enter the id and the key of the application that you have made in %(title)s."),
    ),
    "other_account": (
        _l("The access was given for another account than the one that was meant."),
        _l("Log in to the right account in %(title)s, then begin again."),
    ),
    "connected_already": (
        _l("This account is connected already, as “%(name)s”."),
        _l("Go on with that connection."),
    ),
    "elsewhere": (
        _l("This account is connected to another company’s workspace in this hub."),
        _l("Remove it there first."),
    ),
    "admin_needed": (
        _l("Only an administrator of %(title)s can connect it."),
        _l("Ask one to log in, then begin again."),
    ),
    "not_installed": (
        _l("The application is not installed in %(title)s."),
        _l("Install it there, then connect once more."),
    ),
}
_BY_CLASS: tuple[tuple[type[DozvonError], tuple[str, str]], ...] = (
    (AuthRevoked, REASONS["wrong_keys"]),
    (AuthExpired, REASONS["wrong_token"]),
    (
        Throttled,
        (_l("%(title)s asks for a pause: too many requests."), _l("Wait a few minutes, then check once more.")),
    ),
    (
        Paused,
        (_l("%(title)s refuses the access."), _l("Settle it in %(title)s, then check once more.")),
    ),
    (
        Rejected,
        (_l("%(title)s does not take the request."), _l("Check what you have entered.")),
    ),
    (
        DozvonError,
        (
            _l("%(title)s does not answer as it should now."),
            _l("Check the address. If it is right, try again in a minute."),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`what` happened, how to `mend` it, and what the other side `said`: "" when it said nothing."""

    what: str
    mend: str
    said: str

    @property
    def words(self) -> str:
        """All of it in one line."""
        said = _("The answer was: “%(words)s”", words=self.said) if self.said else ""
        return " ".join(filter(None, (self.what, self.mend, said)))


def refusal_of(error: DozvonError, title: str) -> Refusal:
    """The words for an error of the system called `title`, in the language of this request."""
    values = {**error.values, "title": title}
    what, mend = _template(error)
    said = error.message if error.reason not in _OURS and isinstance(error, DeliveryError) else ""
    return Refusal(str(what) % values, str(mend) % values, said)


def _template(error: DozvonError) -> tuple[str, str]:
    reason = error.reason
    if reason == "rights_missing" and "rights" not in error.values:
        reason = "rights_unnamed"
    found = REASONS.get(reason)
    return found or next(words for kind, words in _BY_CLASS if isinstance(error, kind))
