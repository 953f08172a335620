"""amoCRM and Kommo: the CRM of this connection. README.md says what we trust."""

from __future__ import annotations

from connectors.amocrm.crm import AmocrmCrm, check
from connectors.amocrm.memory import Memory
from connectors.amocrm.oauth import AmocrmOAuth
from connectors.amocrm.settings import AmocrmSecrets, AmocrmSettings
from connectors.contract import Connector

_MEMORY = Memory()

CONNECTOR = Connector(
    vendor="amocrm",
    title="amoCRM",
    settings=AmocrmSettings,
    secrets=AmocrmSecrets,
    crm=AmocrmCrm(_MEMORY),
    oauth=AmocrmOAuth(_MEMORY),
    check=check,
)
