"""A Bitrix24 portal and its auth server, as strict as `bitrix24.md` says they are."""

from .clock import ManualClock
from .listening import PortTaken
from .portal import User
from .simulated import SimulatedPortal
from .simulator import Bitrix24Simulator

__all__ = ["Bitrix24Simulator", "ManualClock", "PortTaken", "SimulatedPortal", "User"]
