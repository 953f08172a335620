"""Ready rule sets, as they fit one CRM connection."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.tables import Connection, Workspace
from hub.domain.treatment import CREATING
from hub.rules.store import vendor_rules
from mapping.defaults import PRESETS
from mapping.schema import read_rules, write_rules


def preset_document(session: Session, registry: Registry, connection: Connection, name: str) -> dict[str, Any]:
    """The preset `name` in the workspace's language, as this CRM can bring it about."""
    crm = vendor_rules(registry, connection.vendor)
    stranger = crm.stranger(connection.settings)
    locale = session.get_one(Workspace, connection.workspace_id).locale
    document = PRESETS[name](str(stranger if stranger in CREATING else "lead"), locale)
    return write_rules(read_rules(document))
