"""Any other PBX: our own JSON call events, signed by Standard Webhooks."""

from __future__ import annotations

from connectors.contract import Connector
from connectors.webhook.events import WebhookHook
from connectors.webhook.recordings import WebhookPbx
from connectors.webhook.settings import SecretsSchema, SettingsSchema

CONNECTOR = Connector(
    vendor="webhook",
    title="Webhook (any PBX)",
    settings=SettingsSchema,
    secrets=SecretsSchema,
    hook=WebhookHook(),
    pbx=WebhookPbx(),
)
