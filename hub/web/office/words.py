"""What the rooms of a workspace say: refusals, roles, scopes, and what the audit log's actions are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.web.i18n import _l

REFUSALS: Mapping[str, str] = {
    "owners_only": _l("Only an owner may do this to an owner."),
    "last_owner": _l("This is the last owner. Make somebody else an owner first."),
    "own_account": _l("This is your own account. Ask another owner or administrator to remove it."),
}
ROLE_MEANINGS: Mapping[str, str] = {
    "owner": _l("everything, and who else is an owner"),
    "admin": _l("everything but owners’ accounts"),
    "marketer": _l("reads calls, sites, sources and deliveries"),
    "agent": _l("sees their own calls and callbacks"),
    "auditor": _l("reads everything, the audit log too; changes nothing"),
}
SCOPE_MEANINGS: Mapping[str, str] = {
    "calls:read": _l("read calls, their attribution and recordings’ addresses"),
    "deliveries:read": _l("read deliveries and their attempts"),
    "deliveries:write": _l("replay deliveries"),
    "connections:read": _l("read connections with health and quota"),
    "inbox:read": _l("read what came in and what is in quarantine"),
    "inbox:write": _l("replay what came in"),
    "metrics:read": _l("read the metrics from another machine"),
    "callbacks:write": _l("make, read and cancel callbacks"),
    "routing:read": _l("ask who should get a caller, and why; read the VIP list, the black list and absences"),
    "routing:write": _l("change the VIP list, the black list and absences"),
    "rules:read": _l("read the rules of CRM connections"),
    "rules:write": _l("draft, try, publish and take back rules"),
    "reports:read": _l("read reports"),
    "webhooks:write": _l("make and remove outgoing webhooks"),
}
ACTIONS: Mapping[str, str] = {
    "workspace.make": _l("made the workspace"),
    "login": _l("logged in"),
    "logout": _l("logged out"),
    "bitrix24_launch": _l("came in from Bitrix24"),
    "amocrm_claimed": _l("took up an amoCRM account"),
    "amocrm_connected": _l("connected amoCRM"),
    "amocrm_disconnected": _l("disconnected amoCRM"),
    "amocrm_extensions_changed": _l("changed extensions in amoCRM"),
    "bitrix24_installed": _l("installed Bitrix24"),
    "bitrix24_removed": _l("removed Bitrix24"),
    "provisioning.apply": _l("applied a provisioning file"),
    "delivery.replay": _l("replayed a delivery"),
    "inbox.replay": _l("replayed an item of the inbox"),
    "vip.add": _l("put a number on the VIP list"),
    "vip.change": _l("changed a line of the VIP list"),
    "vip.remove": _l("took a number off the VIP list"),
    "vip.import": _l("took in a VIP file"),
    "routing.put_hours": _l("changed working hours"),
    "routing.put_absence": _l("noted an absence"),
    "routing.remove_absence": _l("removed an absence"),
    "routing.put_group": _l("changed a group"),
    "routing.remove_group": _l("removed a group"),
    "routing.put_routing_settings": _l("changed the routing settings"),
    "block.add": _l("blocked somebody"),
    "block.remove": _l("let somebody go who was blocked"),
    "callbacks.stop": _l("stopped all callbacks"),
    "callbacks.start": _l("let callbacks be made again"),
    "callbacks.settings": _l("changed how we call back"),
    "callbacks.cancel": _l("cancelled a callback"),
    "site.add": _l("added a site"),
    "site.change": _l("changed a site"),
    "site.put_aside": _l("put a site aside"),
    "site.remove": _l("removed a site"),
    "rules.draft": _l("changed a draft of the rules"),
    "rules.discard": _l("threw a draft of the rules away"),
    "rules.publish": _l("published rules"),
    "user.add": _l("added a user"),
    "user.change": _l("changed a user"),
    "user.password": _l("gave a user a new password"),
    "user.remove": _l("removed a user"),
    "user.disable": _l("disabled a user"),
    "user.enable": _l("enabled a user again"),
    "login.bind": _l("was bound to an OpenID provider"),
    "account.password": _l("changed their own password"),
    "key.make": _l("made an API key"),
    "key.revoke": _l("revoked an API key"),
    "workspace.change": _l("changed the workspace’s settings"),
    "hook_address.view": _l("saw a hook address"),
    "connection.add": _l("connected a system"),
    "connection.change": _l("changed the keys of a connection"),
    "connection.check": _l("checked a connection"),
    "employees.change": _l("said which extension is whose"),
    "connection.pause": _l("paused a connection"),
    "connection.resume": _l("resumed a connection"),
    "connection.remove": _l("removed a connection"),
    "connection.read_again": _l("had a CRM’s lists read again"),
}


def action_words(action: str) -> str:
    """What an action is called; one that is not here is shown as it is."""
    return str(ACTIONS.get(action, action))


def filters() -> Mapping[str, Callable[..., str]]:
    """The filters of this package's templates, by name."""
    return {
        "action": action_words,
        "role_meaning": lambda role: str(ROLE_MEANINGS.get(role, "")),
        "scope_meaning": lambda scope: str(SCOPE_MEANINGS.get(scope, scope)),
    }
