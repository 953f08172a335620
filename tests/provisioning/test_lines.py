"""Each field of a TOML text is found on its line."""

from __future__ import annotations

from hub.provisioning.lines import field_lines, line_of

TEXT = '''\
# a comment
top.dotted = 1

[[connection]]
name = "a"
[connection.settings]
note = """
[not.a.table]
key = 1
"""
list = [
  "x", # ]
  "y",
]
[[connection]]
"quoted key" = { inner = "[]", other = 2 }
'''


def test_keys_tables_and_inline_values_have_their_lines() -> None:
    lines = field_lines(TEXT)
    assert lines[("top", "dotted")] == 2
    assert lines[("connection", 0)] == 4
    assert lines[("connection", 0, "name")] == 5
    assert lines[("connection", 0, "settings")] == 6
    assert lines[("connection", 0, "settings", "note")] == 7
    assert lines[("connection", 0, "settings", "list", 1)] == 11
    assert lines[("connection", 1)] == 15
    assert lines[("connection", 1, "quoted key", "inner")] == 16
    assert ("not", "a", "table") not in lines


def test_what_is_missing_is_looked_for_at_the_table_around_it() -> None:
    lines = field_lines(TEXT)
    assert line_of(lines, ("connection", 0, "settings", "absent", "deep")) == 6
    assert line_of(lines, ("connection", 1, "absent")) == 15
    assert line_of(lines, ("nowhere",)) is None


def test_the_variable_that_stands_in_for_a_secret_has_its_line() -> None:
    lines = field_lines('[[user]]\npassword_env = "X"\n')
    assert line_of(lines, ("user", 0, "password")) == 2
