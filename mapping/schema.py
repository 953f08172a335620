"""The rules document: what may stand in it, in marshmallow's words; from documents to `Rules` and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from hub.domain.errors import DozvonError
from hub.domain.treatment import LeadOutcome, PersonState
from mapping.mistakes import Mistake, contradictions, mistakes_of
from mapping.model import (
    FORMAT_VERSION,
    EmployeeRule,
    FieldRule,
    OpenDeal,
    PolicyRule,
    Privacy,
    Quality,
    RecordingMode,
    Rules,
    Situation,
    SourceRule,
    TaskRules,
    Who,
)

_MOST_RULES = 5000
_MOST_PEOPLE = 5000
_LONGEST_TEXT = 1000
ENTITIES = ("lead", "deal", "contact", "company")


class RulesError(DozvonError):
    """The document is wrong. `mistakes` has every one of them, the first is the message."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        more = len(mistakes) - 1
        super().__init__(str(mistakes[0]), "Nothing was changed." + (f" Further mistakes: {more}." if more else ""))
        self.mistakes = tuple(mistakes)


class CrmId(fields.String):
    """An id of the CRM; people write it as a number too."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return super()._deserialize(value, attr, data, **kwargs).strip()


class _Form(Schema):
    """Unknown names are refused; a loaded table becomes its value."""

    makes: ClassVar[Callable[..., Any]]

    class Meta:
        unknown = RAISE

    @post_load
    def _value(self, values: dict[str, Any], **_: Any) -> Any:
        return self.makes(**{name: tuple(one) if isinstance(one, list) else one for name, one in values.items()})


W = TypeVar("W", bound=StrEnum)


def _words(kind: type[W]) -> fields.List[W]:
    known = ", ".join(kind)
    word = fields.Enum(kind, by_value=True, error_messages={"unknown": f"one_of|{known}"})
    return fields.List(word, metadata={"description": f"Any of: {known}. Left out or empty: all of them."})


def _text(longest: int = 200, **more: Any) -> fields.String:
    return fields.String(validate=validate.Length(max=longest, error="length|{max}"), **more)


def _name(longest: int = 200) -> fields.String:
    return fields.String(required=True, validate=validate.Length(1, longest, error="length|{max}"))


def _id(**more: Any) -> CrmId:
    return CrmId(validate=validate.Length(1, 64, error="length|{max}"), **more)


def _patterns(what: str) -> fields.List[str]:
    return fields.List(
        fields.String(validate=validate.Length(1, 200, error="length|{max}")), metadata={"description": what}
    )


class EmployeeForm(_Form):
    makes = EmployeeRule
    extension = _id(required=True)
    user = _id(required=True, metadata={"description": "The CRM's id of the user."})
    name = _text()


class SourceForm(_Form):
    makes = SourceRule
    name = _name()
    source = _patterns("Which touches: source, source/medium or source/medium/campaign; * stands for anything.")
    crm_source = _id(allow_none=True, metadata={"description": "The CRM's own source."})


class PolicyForm(_Form):
    makes = PolicyRule
    name = _name()
    situation = _words(Situation)
    line = _patterns("The firm's numbers, full ones; * stands for anything.")
    source = _patterns('As in sources; "unknown" is a call whose source nobody knows.')
    person = _words(PersonState)
    outcome = fields.Enum(
        LeadOutcome, by_value=True, required=True,
        error_messages={"unknown": f"one_of|{', '.join(LeadOutcome)}"},
    )  # fmt: skip
    pipeline = _id(allow_none=True)
    stage = _id(allow_none=True)
    responsible = _words(Who)
    users = fields.List(_id())
    title = _text(_LONGEST_TEXT)
    open_deal = fields.Enum(
        OpenDeal, by_value=True, error_messages={"unknown": f"one_of|{', '.join(OpenDeal)}"},
        metadata={"description": "reuse: an open deal or lead of the client takes the call; new: one more is made."},
    )  # fmt: skip


class TaskForm(_Form):
    makes = TaskRules
    make = fields.Boolean()
    situation = _words(Situation)
    who = _words(Who)
    users = fields.List(_id())
    within_minutes = fields.Integer(strict=True, validate=validate.Range(1, 60 * 24 * 14, error="range|{min}|{max}"))
    working_hours = fields.Boolean()
    close_on_contact = fields.Boolean()
    title = _text(_LONGEST_TEXT)
    text = _text(_LONGEST_TEXT)


class FieldForm(_Form):
    makes = FieldRule
    name = _name()
    entity = fields.String(required=True, validate=validate.OneOf(ENTITIES, error=f"one_of|{', '.join(ENTITIES)}"))
    field = _id(required=True)
    value = fields.String(required=True, validate=validate.Length(1, _LONGEST_TEXT, error="length|{max}"))
    always = fields.Boolean(metadata={"description": "On the card of a known client too."})


class QualityForm(_Form):
    makes = Quality
    min_talk_seconds = fields.Integer(strict=True, validate=validate.Range(0, 3600, error="range|{min}|{max}"))
    unique_days = fields.Integer(strict=True, validate=validate.Range(1, 3650, error="range|{min}|{max}"))
    missed_hours = fields.Integer(strict=True, validate=validate.Range(1, 24 * 90, error="range|{min}|{max}"))


class PrivacyForm(_Form):
    makes = Privacy
    mask_phones = fields.Boolean()
    visit_pages = fields.Boolean()


class RulesForm(_Form):
    """The whole document."""

    makes = Rules
    version = fields.Integer(
        required=True, strict=True,
        validate=validate.Equal(FORMAT_VERSION, error=f"form_version|{FORMAT_VERSION}"),
    )  # fmt: skip
    employees = fields.List(
        fields.Nested(EmployeeForm), validate=validate.Length(max=_MOST_PEOPLE, error="length|{max}")
    )
    sources = fields.List(fields.Nested(SourceForm), validate=validate.Length(max=_MOST_RULES, error="length|{max}"))
    policy = fields.List(
        fields.Nested(PolicyForm), required=True, validate=validate.Length(1, _MOST_RULES, error="length|{max}"),
        metadata={"description": "First match wins."},
    )  # fmt: skip
    tasks = fields.Nested(TaskForm)
    fields_ = fields.List(
        fields.Nested(FieldForm), data_key="fields", validate=validate.Length(max=_MOST_RULES, error="length|{max}")
    )
    quality = fields.Nested(QualityForm)
    recordings = fields.Enum(
        RecordingMode, by_value=True, error_messages={"unknown": f"one_of|{', '.join(RecordingMode)}"}
    )
    privacy = fields.Nested(PrivacyForm)

    @post_load
    def _value(self, values: dict[str, Any], **_: Any) -> Any:
        values.pop("version")
        values["fields"] = values.pop("fields_", ())
        return super()._value(values)


def read_rules(document: Mapping[str, Any]) -> Rules:
    """The rules that `document` states. Raises `RulesError` with each mistake and the rule it is in."""
    try:
        rules: Rules = RulesForm().load(document)
    except ValidationError as error:
        raise RulesError(mistakes_of(error.messages, document)) from None
    mistakes = contradictions(rules)
    if mistakes:
        raise RulesError(mistakes)
    return rules


def write_rules(rules: Rules) -> dict[str, Any]:
    """The document of `rules`: plain values, what stands at its default left out."""
    found: dict[str, Any] = {"version": FORMAT_VERSION}
    for name in ("employees", "sources", "policy", "tasks", "fields", "quality", "recordings", "privacy"):
        value = _plain(getattr(rules, name))
        if value not in ([], {}):
            found[name] = value
    if found.get("recordings") == RecordingMode.ATTACH:
        del found["recordings"]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, StrEnum):
        return str(value)
    slots = getattr(type(value), "__dataclass_fields__", None)
    if slots is None:
        return value
    stated = {name: getattr(value, name) for name, field in slots.items() if getattr(value, name) != field.default}
    return {name: _plain(one) for name, one in stated.items()}
