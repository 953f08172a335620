"""The portal's own dictionaries, for rules and for people: departments, sources, stages, pipelines, own fields.

Read in bulk by fast-bitrix24 over the hub's own way out, as the employees are (`directory.py`).
Kinds: "department", "source", "lead_stage", "pipeline", "deal_stage" (parent: its pipeline), "field"
(parent: lead, deal, contact or company), "crm_mode".
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.bitrix24.client import Portal
from connectors.bitrix24.directory import all_rows
from connectors.bitrix24.envelope import Envelope, identifier, mapping, rows, text
from connectors.bitrix24.errors import Refused
from connectors.contract import Door, ReferenceItem

DEALS = 2
_FIELDS = ("lead", "deal", "contact", "company")
_MODES = {"1": "classic", "2": "simple"}


def reference(door: Door) -> list[ReferenceItem]:
    """Everything, or a delivery error. What the application has no right to read is left out as a whole."""
    portal = Portal(door)
    pipelines = _pipelines(portal)
    return [
        *_mode(portal),
        *_departments(portal),
        *_statuses(portal, "SOURCE", "source"),
        *_statuses(portal, "STATUS", "lead_stage"),
        *pipelines,
        *(stage for pipeline in pipelines for stage in _stages(portal, pipeline.id)),
        *(field for owner in _FIELDS for field in _own_fields(portal, owner)),
    ]


def _mode(portal: Portal) -> list[ReferenceItem]:
    """1 is classic, with leads; 2 is simple, with contacts and deals (bitrix24.md §4.4)."""
    try:
        said = text(portal.call("crm.settings.mode.get", {}, write=False))
    except Refused:
        return []
    return [ReferenceItem("crm_mode", said, _MODES.get(said, said))] if said else []


def _departments(portal: Portal) -> list[ReferenceItem]:
    try:
        found = all_rows(portal, "department.get", {})
    except Refused:
        return []
    return [_item("department", row, "ID", parent=identifier(row.get("PARENT")) or "") for row in _known(found, "ID")]


def _statuses(portal: Portal, entity: str, kind: str, parent: str = "") -> list[ReferenceItem]:
    """One dictionary, whole. Rows of another one are left out: filters may be dropped (bitrix24.md §2.6)."""
    said = portal.call("crm.status.list", {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}}, write=False)
    mine = [row for row in rows(said) if text(row.get("ENTITY_ID")) == entity]
    return [_item(kind, row, "STATUS_ID", parent=parent) for row in _known(mine, "STATUS_ID")]


def _pipelines(portal: Portal) -> list[ReferenceItem]:
    said = mapping(portal.call("crm.category.list", {"entityTypeId": DEALS}, write=False))
    return [
        ReferenceItem("pipeline", str(row["id"]), text(row.get("name")))
        for row in rows(said.get("categories"))
        if isinstance(row.get("id"), int | str)
    ]


def _stages(portal: Portal, pipeline_id: str) -> list[ReferenceItem]:
    entity = "DEAL_STAGE" if pipeline_id == "0" else f"DEAL_STAGE_{pipeline_id}"
    return _statuses(portal, entity, "deal_stage", parent=pipeline_id)


def _own_fields(portal: Portal, owner: str) -> list[ReferenceItem]:
    try:
        found = all_rows(portal, f"crm.{owner}.userfield.list", {})
    except Refused:
        return []
    return [
        ReferenceItem("field", text(row["FIELD_NAME"]), _label(row), owner, text(row.get("USER_TYPE_ID")))
        for row in _known(found, "FIELD_NAME")
    ]


def _label(row: Envelope) -> str:
    """What people call a field; a list shows labels by language, or one, or none (bitrix24.md §4.4)."""
    for name in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LABEL"):
        said = row.get(name)
        labels = [text(one) for one in mapping(said).values()] if not isinstance(said, str) else [said]
        label = next((one.strip() for one in labels if one.strip()), "")
        if label:
            return label
    return text(row["FIELD_NAME"])


def _known(found: Iterable[Envelope], name: str) -> list[Envelope]:
    return [row for row in found if text(row.get(name))]


def _item(kind: str, row: Envelope, key: str, *, parent: str) -> ReferenceItem:
    return ReferenceItem(kind, text(row[key]), text(row.get("NAME")).strip() or text(row[key]), parent)
