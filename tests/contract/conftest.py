"""Every sender of the registry, one after the other."""

from __future__ import annotations

import pytest

from connectors.registry import REGISTRY
from tests.contract.asking import VENDORS, Asked
from tests.contract.senders import SENDERS


@pytest.fixture(params=VENDORS)
def asked(request: pytest.FixtureRequest) -> Asked:
    vendor: str = request.param
    hook = REGISTRY[vendor].hook
    assert hook is not None
    if vendor not in SENDERS:
        pytest.fail(f"{vendor} has a hook and no samples: add it to tests/contract/senders.py")
    return Asked(vendor, hook, SENDERS[vendor])
