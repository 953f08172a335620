"""A wrong file changes nothing, and is told with line and field."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hub.db.engine import Database
from hub.db.tables import Base
from hub.provisioning.errors import ProvisioningError
from tests.provisioning.conftest import FULL, Apply

W = '[workspace]\nslug = "acme"\n'
CASES = [
    ("slug = [", "line 1: this is not TOML"),
    ('[workspace]\nslug = "acme"\nname = \n', "line 3: this is not TOML"),
    ("", "the file: workspace is missing|workspace is missing"),
    ('[workspace]\nname = "x"\n', "line 1: workspace.slug is missing"),
    ('[workspace]\nslug = "Acme Inc"\n', "line 2: workspace.slug must be small letters"),
    (W + 'timezone = "Mars/Base"\n', "line 3: workspace.timezone must be a time zone"),
    (W + 'region = "Russia"\n', "line 3: workspace.region must be a country code"),
    (W + 'zone = "x"\n', "line 3: workspace.zone is not known here"),
    (W + "[[users]]\n", "line 3: users is not known here. Did you mean user"),
    (W + '[user]\nemail = "a@b.example"\n', "line 3: user must be a list"),
    (W + '\n[[user]]\nemail = "a@b.example"\nrole = "owner"\n', r'line 4: user "a@b.example": password is missing'),
    (W + '[[user]]\nemail = "a@b.example"\nrole = "king"\npassword = "long enough"\n', "line 5: .*role must be one of"),
    (W + '[[user]]\nemail = "nobody"\nrole = "owner"\npassword = "long enough"\n', "line 4: .*email must be an e-mail"),
    (
        W + '[[user]]\nemail = "a@b.example"\nrole = "owner"\npassword = "short"\n',
        "line 6: .*password must have at least 8",
    ),
    (
        W + '[[user]]\nemail = "a@b.example"\nrole = "owner"\npassword_env = "NOPE"\n',
        "line 6: .*password needs NOPE, which",
    ),
    (W + '[[api_key]]\nname = "x"\nkey = "abc"\n', r'line 5: api_key "x": key must be dz_'),
    (W + '[[api_key]]\nname = "x"\nscopes = ["all"]\n', r"line 5: .*scopes.0 must be a scope"),
    (
        W + '[[connection]]\nname = "x"\nvendor = "mangoo"\n',
        "line 5: .*vendor mangoo is not known here. Did you mean mango",
    ),
    (W + '[[connection]]\nname = "x"\nvendor = "mango"\n', r'line 3: connection "x": secrets.api_\w+ is missing'),
    (
        W + '[[connection]]\nname = "x"\nvendor = "mango"\nhook_token = "short"\n',
        r'line 6: connection "x": hook_token must be at least 22',
    ),
    (
        W
        + '[[connection]]\nname = "x"\nvendor = "mango"\n[connection.secrets]\napi_key = "k"\napi_salt_env = "NOPE"\n',
        r'line 8: connection "x": secrets.api_salt needs NOPE, which is not set',
    ),
    (
        W + '[[connection]]\nname = "x"\nvendor = "mango"\n[connection.settings]\nbase_url = 5\n'
        '[connection.secrets]\napi_key = "k"\napi_salt = "s"\n',
        r'line 7: connection "x": settings.base_url',
    ),
    (
        W + '[[employee]]\nname = "Анна"\nusers = { b24 = "7" }\n',
        r'line 5: employee "Анна": users.b24 is no connection',
    ),
    (
        W + '[[employee]]\nname = "А"\nextension = "1"\n[[employee]]\nname = "Б"\nextension = "1"\n',
        r'line 8: employee "Б": extension 1 is given to two employees',
    ),
    (
        W + '[[employee]]\nname = "А"\nextension = "1"\nextensions = { mango = "2" }\n',
        r'line 5: employee "А": extension stands beside extensions',
    ),
    (W + '[hours]\nmon = ["9-18"]\n', "line 4: hours.mon.0 must be opening hours"),
    (W + '[hours]\nmon = ["18:00-09:00"]\n', "line 4: hours.mon.0 must be opening hours"),
    (W + "[hours]\nmonday = []\n", "line 4: hours.monday is not known here. Did you mean mon"),
    (W + '[hours]\nholidays = ["01.01.2027"]\n', "line 4: hours.holidays.0 must be a day"),
    (W + '[[vip]]\nphone = "12"\n', "line 4: vip 1: phone must be a full telephone number"),
    (W + '[[site]]\nkey = "a b"\n', 'line 4: site "a b": key must be'),
    (W + '[[site]]\nkey = "s"\norigins = ["shop.example"]\n', r'line 5: site "s": origins.0 must be scheme and host'),
    (W + '[[site]]\nkey = "s"\npool = [\n"+74951110001",\n"x",\n]\n', r'line 5: site "s": pool.1 must be a full'),
    (
        W + '[[site]]\nkey = "s"\npool = ["+74951110001"]\nstatic = [{ number = "84951110001", source = "x" }]\n',
        r'line 6: site "s": static.0.number \+74951110001 stands here for the second time',
    ),
    (
        W + '[[site]]\nkey = "s"\nstatic = [{ number = "+74951110001" }]\n',
        r'line 5: site "s": static.0.source is missing',
    ),
    (W + '[[rules]]\nconnection = "b24"\nfile = "r.toml"\n', r'line 4: rules "b24": connection names b24, which is no'),
    (FULL.replace("rules-b24.toml", "gone.toml"), r'rules "b24": file cannot be read: gone.toml'),
    (FULL.replace('connection = "b24"\n', 'connection = "mango"\n'), "names mango, which is no CRM"),
]


@pytest.mark.parametrize(("text", "words"), CASES)
def test_a_wrong_file_names_line_and_field_and_changes_nothing(
    database: Database, apply: Apply, text: str, words: str
) -> None:
    with pytest.raises(ProvisioningError, match=words) as caught:
        apply(text)
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("acme.toml")
    assert caught.value.hint.startswith("Nothing was changed.")
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            assert session.scalar(select(func.count()).select_from(table)) == 0, table.name


def test_the_first_mistake_is_told_and_the_others_are_counted(apply: Apply) -> None:
    with pytest.raises(ProvisioningError, match=r"line 3: workspace\.region") as caught:
        apply(W + 'region = "?"\nlocale = "?"\n[hours]\nmon = 1\n')
    assert "2 more mistakes" in caught.value.hint


def test_a_mistake_never_repeats_a_secret(apply: Apply) -> None:
    text = FULL.replace('client_id = "local.x"', 'client_id = ["secret-in-the-wrong-place"]')
    with pytest.raises(ProvisioningError) as caught:
        apply(text)
    assert "canary" not in caught.value.message
    assert "wrong-place" not in caught.value.message


def test_a_connection_cannot_change_its_vendor(apply: Apply) -> None:
    apply()
    with pytest.raises(ProvisioningError, match="vendor cannot become mango"):
        apply(W + '[[connection]]\nname = "b24"\nvendor = "mango"\n')


def test_a_file_that_is_not_text_is_refused(apply: Apply, tmp_path: object) -> None:
    with pytest.raises(ProvisioningError, match="not TOML"):
        apply("\x00\x01")
