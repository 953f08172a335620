"""Every outside system that the hub can speak to. A new one adds a line."""

from __future__ import annotations

from connectors.amocrm import CONNECTOR as AMOCRM
from connectors.bitrix24 import CONNECTOR as BITRIX24
from connectors.contract import Registry
from connectors.mango import CONNECTOR as MANGO
from connectors.webhook import CONNECTOR as WEBHOOK

REGISTRY: Registry = {
    "mango": MANGO,
    "webhook": WEBHOOK,
    "bitrix24": BITRIX24,
    "amocrm": AMOCRM,
}
