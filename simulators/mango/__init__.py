"""A strict stand-in for the Mango Office PBX (mango.md §9)."""

from __future__ import annotations

from simulators.mango.calls import LiveCall
from simulators.mango.faults import Faults
from simulators.mango.legs import Numbers
from simulators.mango.office import Office, Session
from simulators.mango.pbx import MangoSimulator, PlayedCall
from simulators.mango.timelines import LETTERS, TIMELINES

__all__ = ["LETTERS", "TIMELINES", "Faults", "LiveCall", "MangoSimulator", "Numbers", "Office", "PlayedCall", "Session"]
