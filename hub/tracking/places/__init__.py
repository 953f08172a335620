"""Where people are: one word for a Russian subject, however a register, a table or a file of addresses spells it."""

from __future__ import annotations

from hub.tracking.places.areas import area_of
from hub.tracking.places.numbering import NumberingPlan, area_of_number, plan_in

__all__ = ["NumberingPlan", "area_of", "area_of_number", "plan_in"]
