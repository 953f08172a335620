"""Bitrix24: the CRM of this connection, its call log and its telephony cards. README.md says what we trust."""

from __future__ import annotations

from connectors.bitrix24.crm import Bitrix24Crm, check
from connectors.bitrix24.dials import Bitrix24Dials
from connectors.bitrix24.events import Bitrix24Hook
from connectors.bitrix24.logged import Bitrix24Log
from connectors.bitrix24.many_clients import Bitrix24Clients
from connectors.bitrix24.oauth import Bitrix24OAuth
from connectors.bitrix24.owners import Bitrix24Owners
from connectors.bitrix24.reference import reference
from connectors.bitrix24.rules import RULES
from connectors.bitrix24.settings import Bitrix24Secrets, Bitrix24Settings
from connectors.bitrix24.together import Bitrix24Together
from connectors.bitrix24.upkeep import keep_up
from connectors.contract import Connector

CONNECTOR = Connector(
    vendor="bitrix24",
    title="Bitrix24",
    settings=Bitrix24Settings,
    secrets=Bitrix24Secrets,
    hook=Bitrix24Hook(),
    crm=Bitrix24Crm(),
    oauth=Bitrix24OAuth(),
    crm_log=Bitrix24Log(),
    check=check,
    rules=RULES,
    clients=Bitrix24Clients(),
    dials=Bitrix24Dials(),
    owners=Bitrix24Owners(),
    together=Bitrix24Together(),
    upkeep=keep_up,
    reference=reference,
)
