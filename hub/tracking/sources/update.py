"""Make `referrers.json` anew: `python -m hub.tracking.sources.update FOLDER`.

FOLDER is a checkout of github.com/matomo-org/searchengine-and-social-list (CC0 1.0), from which three YAML files are
read. Needs PyYAML, which the hub itself does not: nothing is fetched and nothing else is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

_FILES = {"ai": "AIAssistants.yml", "organic": "SearchEngines.yml", "social": "Socials.yml"}
_TARGET = Path(__file__).with_name("referrers.json")
_LICENCE = "matomo-org/searchengine-and-social-list, CC0 1.0 Universal (public domain dedication)"


def entries(medium: str, content: Any) -> Iterator[dict[str, Any]]:
    """One file's names with their hosts; search engines also with the parameters that hold the term."""
    for name, listed in content.items():
        for group in listed if medium == "organic" else [{"urls": listed}]:
            params = sorted({str(p).lower() for p in group.get("params") or () if not str(p).startswith("/")})
            hosts = [str(url).lower() for url in group.get("urls") or ()]
            yield {
                "medium": medium,
                "source": str(name).lower(),
                "hosts": hosts,
                **({"params": params} if params else {}),
            }


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 done, 1 when the folder or PyYAML is not there, 2 for wrong use."""
    if len(arguments) != 1:
        print("usage: python -m hub.tracking.sources.update FOLDER", file=sys.stderr)
        return 2
    try:
        yaml = import_module("yaml")

        read = {
            medium: yaml.safe_load((Path(arguments[0]) / name).read_text("utf-8")) for medium, name in _FILES.items()
        }
    except (ImportError, OSError) as missing:
        print(f"Cannot read the list: {missing}. Install PyYAML and give the folder of the checkout.", file=sys.stderr)
        return 1
    found = [entry for medium, content in read.items() for entry in entries(medium, content)]
    lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in found)
    _TARGET.write_text(f'{{"licence": "{_LICENCE}", "referrers": [\n{lines}\n]}}\n', "utf-8")
    print(f"{_TARGET.name}: {len(found)} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
