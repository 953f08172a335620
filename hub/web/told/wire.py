"""What the network, the budgets and the log-ins of other systems say of a request that did not get through."""

from __future__ import annotations

from hub.web.told.marked import _l

SENTENCES = (
    _l("The other side asked for a pause."),
    _l("The other side asked for a pause of %(method)s."),
    _l("The request budget is used up for the moment."),
    _l("No connection to %(host)s within %(seconds)s s, or it was cut."),
    _l("No connection to %(host)s within %(seconds)s s."),
    _l("%(host)s refused the connection at port %(number)s."),
    _l("The name %(host)s was not resolved within %(seconds)s s."),
    _l("The name %(host)s is not known."),
    _l("%(host)s is not a host name. Correct the address of the connection."),
    _l("%(host)s has no valid TLS certificate or speaks no TLS (%(said)s)."),
    _l("%(method)s to %(host)s: %(cause)s."),
    _l("the connection broke before the whole answer was there (%(kind)s)"),
    _l("no whole answer in time (%(seconds)s s)"),
    _l("the answer is larger than %(number)s bytes"),
    _l("a header or the address has characters not allowed"),
    _l("The address is not a valid http or https one. Correct the address of the connection."),
    _l("The address of %(host)s holds a user name or password. Remove them from it."),
    _l(
        "%(host)s leads to a private address, which is not called. If it is yours, add %(spelled)s to "
        "DOZVON_ALLOW_HOSTS."
    ),
    _l(
        "%(host)s is called over https only. Use https:// in the address of the connection, or add "
        "%(spelled)s to DOZVON_ALLOW_HOSTS."
    ),
    _l("The log-in server failed a moment ago and is left alone."),
    _l("Another worker's refresh of the log-in takes long."),
    _l("The connection has no log-in yet."),
    _l("Connect it again."),
    _l("The log-in could not be refreshed. %(words)s"),
    _l("%(title)s knows no token to refresh"),
    _l("a file became shorter while it was sent"),
    _l("The subscription for the application has ended."),
    _l("Pay for it over there; the hub goes on by itself."),
    _l("The hub asks again by itself."),
    _l("Connect it again: the access that was given does not work any more."),
    _l("Settle it with the vendor, then press Resume."),
    _l("Somebody paused it by hand. Press Resume when it may go on."),
)
