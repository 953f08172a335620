"""Mango Office, a hosted Russian PBX: see the README beside this file."""

from connectors.contract import Connector
from connectors.mango.client import MangoPbx, check
from connectors.mango.events import MangoHook
from connectors.mango.history import MangoHistory
from connectors.mango.settings import MangoSecrets, MangoSettings

CONNECTOR = Connector(
    vendor="mango",
    title="Mango Office",
    settings=MangoSettings,
    secrets=MangoSecrets,
    hook=MangoHook(),
    pbx=MangoPbx(),
    history=MangoHistory(),
    check=check,
)
