"""Mango Office, a hosted Russian PBX: see the README beside this file."""

from connectors.contract import Connector
from connectors.mango.client import MangoPbx, check
from connectors.mango.commands import MangoCommands, MangoDirectory
from connectors.mango.events import MangoHook
from connectors.mango.forwarding import MangoForwarding
from connectors.mango.history import MangoHistory
from connectors.mango.settings import MangoSecrets, MangoSettings

_DIRECTORY = MangoDirectory()

CONNECTOR = Connector(
    vendor="mango",
    title="Mango Office",
    settings=MangoSettings,
    secrets=MangoSecrets,
    hook=MangoHook(),
    pbx=MangoPbx(),
    history=MangoHistory(),
    commands=MangoCommands(),
    directory=_DIRECTORY,
    lines=_DIRECTORY,
    forwarding=MangoForwarding(),
    check=check,
)
