"""amoCRM accounts, as strict as `amocrm.md` says they are."""

from simulators.common.serving import PortTaken

from .account import User
from .clock import ManualClock
from .settings import Settings
from .simulated import SimulatedAccount
from .simulator import AmoCrmSimulator

__all__ = ["AmoCrmSimulator", "ManualClock", "PortTaken", "Settings", "SimulatedAccount", "User"]
