"""The invented firm behind the PBX: employees, groups, lines, forwarding rules, call-tracking sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PRODUCT_ID = 400000000
SIP_LINE = "sip:line12345@vpbx400000000.mangosip.ru"


@dataclass(frozen=True, slots=True)
class Employee:
    user_id: int
    name: str
    extension: str
    email: str
    mobile: str

    @property
    def device(self) -> str:
        return f"sip:user{self.extension}@demo.mangosip.ru"


@dataclass(frozen=True, slots=True)
class Group:
    group_id: int
    name: str
    extension: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """`number`: digits, or a SIP URI whose `name` is what commands call it by."""

    line_id: int
    number: str
    name: str
    region: str = "7495"


_EMPLOYEES = (
    Employee(5001, "Anna", "101", "anna@acme.example", "79160000101"),
    Employee(5002, "Boris", "102", "boris@acme.example", "79160000102"),
    Employee(5003, "Vera", "103", "vera@acme.example", "79160000103"),
    Employee(5004, "Gleb", "0511", "gleb@acme.example", "79160000511"),
)
_LINES = (
    Line(7001, "74950000001", "Main"),
    Line(7002, "74950000002", "Second"),
    Line(7003, SIP_LINE, "line12345", "sip-uac"),
)


@dataclass(slots=True)
class Session:
    """A visitor who was shown a tracking number; `ends_at` is the stand-in's clock, None for no end."""

    facts: Mapping[str, Any]
    pages: tuple[Mapping[str, str], ...] = ()
    ends_at: float | None = None


@dataclass(slots=True)
class Office:
    """What the queries of mango.md §4.4, §4.5 and §5.1 tell about. Tests may change it."""

    employees: list[Employee] = field(default_factory=lambda: list(_EMPLOYEES))
    groups: list[Group] = field(default_factory=lambda: [Group(21, "Sales", "300", ("101", "102"))])
    lines: list[Line] = field(default_factory=lambda: list(_LINES))
    forwarding: dict[int, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    balance: float = 1234.56

    def employee(self, extension: str | None) -> Employee | None:
        return next((each for each in self.employees if each.extension == extension), None)

    def group(self, extension: str | None) -> Group | None:
        return next((each for each in self.groups if each.extension == extension), None)

    def user_id(self, extension: str | None) -> int:
        """As `record/added` has it: -1 when nobody fits (mango.md §2.4)."""
        employee = self.employee(extension)
        return employee.user_id if employee else -1

    def has_line(self, text: str) -> bool:
        """Whether a command may use this line: by number, and a SIP line by its name only (mango.md §3)."""
        return any(text == (line.name if line.number.startswith("sip:") else line.number) for line in self.lines)
