"""amoCRM and Kommo: the CRM of this connection. README.md says what we trust."""

from __future__ import annotations

from functools import partial

from connectors.amocrm.changed import AmocrmOwnerChanges
from connectors.amocrm.client import Account
from connectors.amocrm.crm import AmocrmCrm, check
from connectors.amocrm.events import AmocrmHook
from connectors.amocrm.logged import AmocrmLog
from connectors.amocrm.memory import Memory
from connectors.amocrm.oauth import RENEW_AFTER, AmocrmOAuth
from connectors.amocrm.owners import AmocrmOwners
from connectors.amocrm.reference import dictionaries
from connectors.amocrm.rules import RULES
from connectors.amocrm.settings import AmocrmSecrets, AmocrmSettings
from connectors.amocrm.upkeep import keep_up
from connectors.contract import Connector

_MEMORY = Memory()

CONNECTOR = Connector(
    vendor="amocrm",
    title="amoCRM",
    settings=AmocrmSettings,
    secrets=AmocrmSecrets,
    hook=AmocrmHook(),
    crm=AmocrmCrm(_MEMORY),
    oauth=AmocrmOAuth(_MEMORY),
    renew_after=RENEW_AFTER,
    crm_log=AmocrmLog(_MEMORY),
    owners=AmocrmOwners(_MEMORY),
    owner_changes=AmocrmOwnerChanges(_MEMORY),
    upkeep=partial(keep_up, memory=_MEMORY),
    reference=lambda door: dictionaries(Account(door, _MEMORY)),
    rules=RULES,
    check=check,
)
