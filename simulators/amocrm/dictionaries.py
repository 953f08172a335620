"""Account, users, pipelines, custom fields, tags, widgets, the log (amocrm.md §3.10, §4.2, §4.5)."""

from __future__ import annotations

from functools import partial

from .account import Account, Entity, User
from .asking import NO_CONTENT, Answer, Asked, denied, endpoint, request_id_of
from .checks import Field, Rules, checked_batch, flaws_of
from .errors import Flaw, Problem, missing, not_supported
from .fields import CHOICES, KINDS, add_field
from .listing import filtered, listed, ordered
from .tagging import tag_named
from .tasks import TASK_TYPES

_TYPES = "<any(leads,contacts,companies):kind>"
_FIELD: Rules = {
    "name": Field("text", required=True),
    "type": Field("text", required=True, choices=tuple(sorted(KINDS))),
    "code": Field("text", nullable=True),
    "sort": Field("int"),
    "is_api_only": Field("bool"),
    "enums": Field("list", nullable=True),
    "tracking_callback": Field("text", nullable=True),
}
_RIGHTS = ("leads", "contacts", "companies", "tasks")
_ACTIONS = ("view", "edit", "add", "delete", "export")


@endpoint("GET", "account")
def account_card(account: Account, asked: Asked) -> Answer:
    """The account that the token belongs to."""
    with_ = asked.with_()
    body: Entity = {
        "id": account.id,
        "name": account.subdomain,
        "subdomain": account.subdomain,
        "current_user_id": asked.caller.user.id,
        "country": "RU",
        "currency": "RUB",
        "currency_symbol": "₽",
        "customers_mode": "disabled",
        "is_unsorted_on": any(one["is_unsorted_on"] for one in account.pipelines.values()),
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
        "created_at": account.now(),
    }
    optional: Entity = {"is_api_filter_enabled": account.settings.api_filter_enabled, "version": 12}
    optional["drive_url"] = f"{account.base_url}/drive"
    optional["datetime_settings"] = {"timezone": "Europe/Moscow", "timezone_offset": "+03:00"}
    body |= {name: value for name, value in optional.items() if name in with_}
    embedded: Entity = {}
    if "users_groups" in with_:
        embedded["users_groups"] = [{"id": 0, "name": "Отдел продаж", "uuid": None}]
    if "task_types" in with_:
        embedded["task_types"] = [{"id": number, "name": name} for number, name in TASK_TYPES.items()]
    return Answer({**body, "_links": account.href("account"), "_embedded": embedded})


@endpoint("GET", "users")
def users(account: Account, asked: Asked) -> Answer:
    """The people of the account, with totals."""
    _only_admin(account, asked)
    rows = [{"id": user.id} for user in account.users.values()]
    return listed(
        account, asked, "users", rows, lambda row: _user(account, asked, account.users[row["id"]]), totals=True
    )


@endpoint("GET", "users/<int:number>")
def user(account: Account, asked: Asked, number: int) -> Answer:
    """One person."""
    _only_admin(account, asked)
    if number not in account.users:
        raise Problem(404, "User not found")
    return Answer(_user(account, asked, account.users[number]))


@endpoint("GET", "leads/pipelines")
def pipelines(account: Account, _asked: Asked) -> Answer:
    """All pipelines, with totals and without pages."""
    rows = [_pipeline(account, one) for one in account.pipelines.values()]
    return Answer(
        {"_total_items": len(rows), "_links": account.href("leads/pipelines"), "_embedded": {"pipelines": rows}}
    )


@endpoint("GET", "leads/pipelines/<int:number>")
def pipeline(account: Account, _asked: Asked, number: int) -> Answer:
    """One pipeline; 404 when there is none."""
    return Answer(_pipeline(account, _known_pipeline(account, number)))


@endpoint("GET", "leads/pipelines/<int:number>/statuses")
def statuses(account: Account, _asked: Asked, number: int) -> Answer:
    """The statuses of one pipeline."""
    rows = _pipeline(account, _known_pipeline(account, number))["_embedded"]["statuses"]
    return Answer({"_total_items": len(rows), "_embedded": {"statuses": rows}})


@endpoint("GET", f"{_TYPES}/custom_fields")
def custom_fields(account: Account, asked: Asked, kind: str) -> Answer:
    """Definitions, with totals."""
    rows = filtered(asked, list(account.fields[kind].values()), {"type": "type"})
    rows = ordered(asked, rows, ("id", "sort"))
    path = f"{kind}/custom_fields"
    return listed(
        account,
        asked,
        "custom_fields",
        rows,
        lambda row: {**row, "_links": account.href(f"{path}/{row['id']}")},
        totals=True,
    )


@endpoint("GET", f"{_TYPES}/custom_fields/<int:number>")
def custom_field(account: Account, _asked: Asked, kind: str, number: int) -> Answer:
    """One definition."""
    if number not in account.fields[kind]:
        raise Problem(404, "Custom field not found")
    return Answer(account.fields[kind][number])


@endpoint("POST", f"{_TYPES}/custom_fields")
def add_custom_fields(account: Account, asked: Asked, kind: str) -> Answer:
    """Makes definitions; only administrators may."""
    if not asked.caller.user.is_admin:
        raise Problem(403, "Only an administrator may add custom fields")
    items = checked_batch(account, asked.batch(), partial(_flaws_of_field, account))
    made = []
    for index, item in enumerate(items):
        enums = [str(enum.get("value", "")) for enum in item.get("enums") or []]
        more = {name: item[name] for name in ("is_api_only", "sort", "tracking_callback") if name in item}
        row = add_field(account, kind, item["name"], item.get("code"), item["type"], enums=enums, **more)
        made.append({**row, "request_id": request_id_of(item, index)})
    return Answer({"_total_items": len(made), "_embedded": {"custom_fields": made}}, 201 if len(made) == 1 else 200)


@endpoint("GET", f"{_TYPES}/tags")
def tags(account: Account, asked: Asked, kind: str) -> Answer:
    """The tags of a type, or 204."""
    rows = list(account.tags[kind].values())
    query = str(asked.query.get("query", "")).lower()
    rows = filtered(asked, [row for row in rows if query in row["name"].lower()], {"id": "id", "name": "name"})
    return listed(account, asked, "tags", rows, dict)


@endpoint("POST", f"{_TYPES}/tags")
def add_tags(account: Account, asked: Asked, kind: str) -> Answer:
    """Makes tags; a name that is there gives the tag that is there."""
    denied(account, asked.caller, kind, "edit")
    rules: Rules = {"name": Field("text", required=True), "color": Field("text", nullable=True)}
    items = checked_batch(account, asked.batch(), lambda item: flaws_of(account, item, rules))
    made = [
        {**tag_named(account, kind, item["name"], item.get("color")), "request_id": request_id_of(item, index)}
        for index, item in enumerate(items)
    ]
    return Answer({"_total_items": len(made), "_embedded": {"tags": made}})


@endpoint("GET", "events")
def events(account: Account, asked: Asked) -> Answer:
    """The log of what happened, newest first; at most 100 a page."""
    names = {"id": "id", "type": "type", "entity": "entity_type", "entity_id": "entity_id"}
    rows = filtered(asked, list(reversed(account.events)), names)
    first, last = _period(asked)
    rows = [row for row in rows if first <= row["created_at"] <= last]
    return listed(account, asked, "events", rows, lambda row: row, most=100)


@endpoint("GET", "widgets")
def widgets(account: Account, asked: Asked) -> Answer:
    """Installed widgets, or 204."""
    return listed(account, asked, "widgets", list(account.widgets.values()), dict, totals=True)


@endpoint("GET", "widgets/<string:code>")
def widget(account: Account, _asked: Asked, code: str) -> Answer:
    """One widget."""
    if code not in account.widgets:
        raise Problem(404, "Widget not found")
    return Answer(account.widgets[code])


@endpoint("POST", "widgets/<string:code>")
def install_widget(account: Account, asked: Asked, code: str) -> Answer:
    """Installs a widget; the body is its settings."""
    row = {"id": len(account.widgets) + 1, "code": code, "version": "1.0.0", "settings": asked.single()}
    row |= {"is_active_in_account": True, "client_uuid": asked.caller.integration.client_id, "pipeline_id": None}
    account.widgets[code] = {**row, "settings_template": [], "_links": account.href(f"widgets/{code}")}
    return Answer(account.widgets[code])


@endpoint("DELETE", "widgets/<string:code>")
def uninstall_widget(account: Account, _asked: Asked, code: str) -> Answer:
    """Removes a widget."""
    if account.widgets.pop(code, None) is None:
        raise Problem(404, "Widget not found")
    return NO_CONTENT


def _period(asked: Asked) -> tuple[int, int]:
    """`filter[created_at]=from,to` in unix seconds; either may be left out."""
    wanted = asked.query.get("filter")
    text = str(wanted.get("created_at", "")) if isinstance(wanted, dict) else ""
    first, _, last = text.partition(",")
    return int(first) if first.isdigit() else 0, int(last) if last.isdigit() else 2**62


def _only_admin(account: Account, asked: Asked) -> None:
    if account.settings.users_for_admins_only and not asked.caller.user.is_admin:
        raise Problem(403, "Only an administrator may read users")


def _user(account: Account, asked: Asked, user: User) -> Entity:
    rights: Entity = {kind: {action: "A" if user.may(kind, action) else "D" for action in _ACTIONS} for kind in _RIGHTS}
    rights |= {"is_admin": user.is_admin, "is_free": False, "is_active": user.is_active, "status_rights": []}
    rights |= {"group_id": None, "role_id": None}
    shown = {"id": user.id, "name": user.name, "email": user.email, "lang": "ru", "rights": rights}
    if "phone_number" in asked.with_():
        shown["phone_number"] = user.phone or None
    return {**shown, "_links": account.href(f"users/{user.id}"), "_embedded": {"roles": [], "groups": []}}


def _known_pipeline(account: Account, number: int) -> Entity:
    if number not in account.pipelines:
        raise Problem(404, "Pipeline not found")
    return account.pipelines[number]


def _pipeline(account: Account, row: Entity) -> Entity:
    shown = {key: value for key, value in row.items() if key != "statuses"}
    statuses = [{**status, "pipeline_id": row["id"], "account_id": account.id} for status in row["statuses"]]
    links = account.href(f"leads/pipelines/{row['id']}")
    return {**shown, "account_id": account.id, "_links": links, "_embedded": {"statuses": statuses}}


def _flaws_of_field(account: Account, item: Entity) -> list[Flaw]:
    flaws = flaws_of(account, item, _FIELD)
    if item.get("type") == "tracking_data" and not item.get("tracking_callback"):
        flaws.append(missing("tracking_callback"))
    if item.get("type") in CHOICES and not item.get("enums"):
        flaws.append(missing("enums"))
    if item.get("code") and any(
        item["code"] == one["code"] for each in account.fields.values() for one in each.values()
    ):
        flaws.append(not_supported("code"))
    return flaws
