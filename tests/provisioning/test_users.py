"""Which employee a user is, by the file and back into it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import EmployeeRow, User
from hub.provisioning import ProvisioningError, export_workspace
from tests.provisioning.conftest import Apply

USER = '[workspace]\nslug = "acme"\n[[user]]\nemail = "vera@acme.example"\nrole = "agent"\npassword = "long enough"\n'
EMPLOYEE = '[[employee]]\nname = "Анна"\nextension = "101"\n'


def linked(database: Database) -> str | None:
    query = select(EmployeeRow.name).join(User, User.employee_id == EmployeeRow.id)
    with database.reading() as session:
        return session.scalar(query)


def test_a_user_is_the_employee_whom_the_file_names_until_it_says_nobody(database: Database, apply: Apply) -> None:
    apply(f'{USER}employee = "Анна"\n{EMPLOYEE}')
    assert linked(database) == "Анна"
    with database.reading() as session:
        text = export_workspace(session, "acme", with_secrets=True)
    assert 'employee = "Анна"' in text
    assert apply(text).changes == ()
    assert apply(USER).changes == ()
    assert linked(database) == "Анна"
    assert [str(change) for change in apply(f'{USER}employee = ""\n').changes] != []
    assert linked(database) is None


@pytest.mark.parametrize(
    ("employees", "words"),
    [
        (EMPLOYEE, "line 7: .*employee is no employee of this workspace. Did you mean Анна"),
        (EMPLOYEE.replace("Анна", "Ана") + EMPLOYEE.replace("Анна", "Ана").replace("101", "102"), "several employees"),
    ],
)
def test_a_name_that_is_not_one_employees_is_refused_with_its_line(
    database: Database, apply: Apply, employees: str, words: str
) -> None:
    with pytest.raises(ProvisioningError, match=words):
        apply(f'{USER}employee = "Ана"\n{employees}')
    assert linked(database) is None
