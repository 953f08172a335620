"""What the domain's words are called on the pages. A word that is not here is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping

from hub.web.i18n import _l

DIRECTIONS = {"inbound": _l("inbound"), "outbound": _l("outbound"), "internal": _l("internal")}
OUTCOMES = {
    "in_progress": _l("in progress"),
    "answered": _l("answered"),
    "missed": _l("missed"),
    "unanswered": _l("not answered"),
}
DELIVERY_STATES = {
    "pending": _l("about to go"),
    "leased": _l("being sent"),
    "done": _l("done"),
    "waiting": _l("waiting"),
    "verifying": _l("checking in the CRM"),
    "blocked": _l("held back"),
    "dead": _l("given up"),
    "expired": _l("too late"),
    "superseded": _l("no longer needed"),
}
INTENTS = {
    "show_card": _l("Show the call card"),
    "hide_card": _l("Hide the call card"),
    "log_call": _l("Log the call"),
    "attach_recording": _l("Attach the recording"),
    "attach_transcript": _l("Attach the transcript"),
    "ensure_lead": _l("Make sure there is a lead"),
    "set_source": _l("Set the source"),
    "add_task": _l("Add a task"),
    "close_task": _l("Close the task"),
    "add_note": _l("Add a note"),
    "report_conversion": _l("Report the conversion"),
}
EVENTS = {
    "appeared": _l("rang"),
    "answered": _l("was answered"),
    "held": _l("was put on hold"),
    "transferred": _l("was transferred"),
    "ended": _l("leg ended"),
    "summary": _l("call ended"),
    "recording": _l("news of the recording"),
    "remark": _l("something said of the call"),
    "unknown": _l("something unknown"),
}
FATES = {
    "joins_call": _l("joins a call that is there"),
    "new_call": _l("makes a new call"),
    "news": _l("is news for the hub, not about a call"),
    "ignored": _l("is understood and not needed"),
    "stays": _l("stays in quarantine"),
    "untried": _l("was not tried here"),
}
RESULTS = {
    "answered": _l("answered"),
    "no_answer": _l("nobody answered"),
    "busy": _l("busy"),
    "declined": _l("declined"),
    "cancelled": _l("the caller hung up"),
    "unavailable": _l("nobody available"),
    "wrong_number": _l("wrong number"),
    "forbidden": _l("forbidden"),
    "no_money": _l("no money on the account"),
    "off_hours": _l("outside working hours"),
    "in_menu": _l("ended in the menu"),
    "moved": _l("went on elsewhere"),
    "failed": _l("failed"),
    "unknown": _l("reason unknown"),
}
PLACES = {"menu": _l("menu"), "queue": _l("queue"), "employee": _l("employee"), "client": _l("client")}
HEALTH = {
    "good": _l("works"),
    "quiet": _l("nothing heard yet"),
    "troubled": _l("troubled"),
    "stopped": _l("stopped"),
}
CONNECTION_STATES = {
    "active": _l("active"),
    "paused": _l("paused"),
    "needs_reconnect": _l("needs to be reconnected"),
}
LANES = {"urgent": _l("urgent"), "calls": _l("calls"), "bulk": _l("bulk")}
RECORDINGS = {"wanted": _l("being fetched"), "stored": _l("stored"), "failed": _l("not to be had")}
INBOX_STATES = {
    "received": _l("waiting"),
    "processed": _l("processed"),
    "ignored": _l("ignored"),
    "quarantined": _l("in quarantine"),
}
ROLES = {
    "owner": _l("owner"),
    "admin": _l("administrator"),
    "marketer": _l("marketer"),
    "agent": _l("agent"),
    "auditor": _l("auditor"),
}
FIELDS = {
    "user_id": _l("Logged on"),
    "creates_lead": _l("Lead"),
    "source": _l("Source"),
    "crm_source": _l("Source in the CRM"),
    "deadline": _l("Deadline"),
}
PURPOSES = {
    **INTENTS,
    "fetch_recording": _l("Fetch the recording"),
    "directory": _l("Read the list of employees"),
    "reconcile": _l("Compare the calls"),
    "read_card": _l("Read a client’s card"),
    "sync_owners": _l("Read whose clients they are"),
    "find_owner": _l("Find whose client it is"),
    "reference": _l("Read the CRM’s lists"),
    "upkeep": _l("Keep the connection in order"),
    "check": _l("Check the connection"),
    "probe": _l("See whether it is back"),
    "renew": _l("Renew the access"),
    "install": _l("Put the application into place"),
    "widget": _l("Answer the widget"),
    "dial": _l("Ring an employee and a client"),
    "find_callback": _l("See what became of a callback"),
    "extensions": _l("Read the extensions"),
    "lines": _l("Read the lines"),
    "forwarding": _l("Send known callers to their people"),
    "command_route": _l("Send a caller on"),
    "command_callback": _l("Call back"),
    "command_callback_group": _l("Call back by a group"),
    "command_hangup": _l("Hang up"),
    "other": _l("Something else"),
}
DIFFERENCES = {
    "lost": _l("no event of the call came"),
    "unfinished": _l("the end of the call did not come"),
    "recording_lost": _l("no event told of the recording"),
    "unknown_to_pbx": _l("the PBX does not list the call"),
    "not_planned": _l("the call was not planned for the CRM"),
    "not_logged": _l("the call did not get into the CRM"),
    "unsettled": _l("the CRM shows the call, the hub did not know"),
    "gone": _l("the CRM does not show the call any more"),
    "doubled": _l("the CRM shows the call more than once"),
    "unrecorded": _l("the CRM does not show the recording"),
}
DRIFT_KINDS = {"field": _l("field"), "word": _l("word")}
ATTEMPTS = {
    "done": _l("done"),
    "throttled": _l("too fast, waits"),
    "unreachable": _l("not reached"),
    "rejected": _l("rejected"),
    "outcome_unknown": _l("outcome unknown"),
    "already_there": _l("was there already"),
    "auth_expired": _l("access had expired"),
    "auth_revoked": _l("access was withdrawn"),
    "revoked": _l("access was withdrawn"),
    "paused": _l("the vendor blocks us"),
    "not_ready": _l("not there yet"),
    "verifying": _l("looked up, nothing certain yet"),
    "bug": _l("the hub itself failed"),
}
MODELS = {
    "static": _l("by the static number"),
    "dynamic": _l("by the visit that held the number"),
    "known_caller": _l("by the visit, and the client's other calls"),
    "callback": _l("the visitor asked for this call"),
    "form": _l("the visitor left this number in a form"),
    "default_number": _l("unknown: the default number was called"),
    "somebody_else": _l("unknown: most probably no visitor of the site"),
    "unknown": _l("unknown: nobody is plausible enough"),
}
ALARMS = {
    "foreign_origin": _l("a page of another site asked for numbers"),
    "budget": _l("one address asked for too much"),
    "shared": _l("the pool was too small: numbers were shared"),
    "drained": _l("one address held most of the pool"),
}
DEVICES = {
    "phone": _l("phone"),
    "tablet": _l("tablet"),
    "desktop": _l("computer"),
    "bot": _l("bot"),
    "unknown": _l("unknown device"),
}
CHANNELS = {
    "paid_search": _l("paid search"),
    "paid_social": _l("paid social"),
    "paid_other": _l("other paid"),
    "display": _l("display advertising"),
    "organic_search": _l("search"),
    "organic_social": _l("social networks"),
    "messenger": _l("messengers"),
    "maps": _l("maps"),
    "ai": _l("AI assistants"),
    "email": _l("letters"),
    "affiliates": _l("partners"),
    "sms": _l("SMS"),
    "push": _l("push messages"),
    "referral": _l("links on other sites"),
    "direct": _l("direct"),
    "unassigned": _l("other"),
}
PARTIES = {
    "CONTACT": _l("contact"),
    "COMPANY": _l("company"),
    "LEAD": _l("lead"),
    "contact": _l("contact"),
    "company": _l("company"),
    "lead": _l("lead"),
    "contacts": _l("contact"),
    "companies": _l("company"),
    "leads": _l("lead"),
}
LISTS = {
    "employee": _l("Employees"),
    "department": _l("Departments"),
    "source": _l("Sources"),
    "lead_stage": _l("Stages of leads"),
    "pipeline": _l("Pipelines"),
    "deal_stage": _l("Stages of deals"),
    "field": _l("Own fields"),
    "crm_mode": _l("Kind of CRM"),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "direction": DIRECTIONS, "outcome": OUTCOMES, "delivery": DELIVERY_STATES, "intent": INTENTS, "event": EVENTS,
    "result": RESULTS, "place": PLACES, "health": HEALTH, "connection": CONNECTION_STATES, "lane": LANES,
    "recording": RECORDINGS, "inbox": INBOX_STATES, "role": ROLES, "model": MODELS, "alarm": ALARMS,
    "drift": DRIFT_KINDS, "attempt": ATTEMPTS, "fate": FATES,
    "purpose": PURPOSES, "field": FIELDS, "difference": DIFFERENCES,
    "party": PARTIES, "channel": CHANNELS, "list": LISTS,
}  # fmt: skip


def device_words(device: str | None) -> str:
    """A visitor's device, kept as "desktop Chrome Windows": what it is in the reader's language, and its names."""
    kind, _space, names = (device or "").partition(" ")
    return " · ".join(part for part in (str(DEVICES.get(kind, kind)), names) if part)


def word(value: object, table: str) -> str:
    """What `value` is called, by the table of that name."""
    if value is None:
        return "—"
    return str(TABLES[table].get(str(value), str(value)))
