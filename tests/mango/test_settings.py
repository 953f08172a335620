"""What a Mango connection may be set up with."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from connectors.mango import CONNECTOR


def test_defaults_are_mangos_real_address_and_an_honest_clock() -> None:
    assert CONNECTOR.settings().load({}) == {
        "base_url": "https://app.mango-office.ru/vpbx",
        "epoch_offset_seconds": 0,
    }


def test_stand_in_on_this_machine_is_a_valid_address() -> None:
    assert CONNECTOR.settings().load({"base_url": "http://127.0.0.1:9101/vpbx"})["base_url"].startswith("http://127")


@pytest.mark.parametrize(
    "wrong",
    [{"base_url": "mango"}, {"base_url": "ftp://x"}, {"epoch_offset_seconds": 90000}, {"base_ulr": "https://x"}],
)
def test_wrong_setting_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        CONNECTOR.settings().load(wrong)
    assert isinstance(caught.value.messages, dict)
    assert caught.value.messages.keys() == wrong.keys()


@pytest.mark.parametrize(
    "wrong", [{}, {"api_key": "k"}, {"api_key": "", "api_salt": "s"}, {"api_key": "k", "api_salt": ""}]
)
def test_both_secrets_are_needed_and_not_empty(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CONNECTOR.secrets().load(wrong)


def test_every_field_of_the_form_has_a_label_and_help() -> None:
    for schema in (CONNECTOR.settings(), CONNECTOR.secrets()):
        for field in schema.fields.values():
            assert field.metadata["label"]
            assert field.metadata["help"]
