"""What a key may be allowed to do. The list is a promise of the public interface."""

from __future__ import annotations

SCOPES = {
    "calls:read": "read calls, their attribution, traces and recordings' addresses",
    "deliveries:read": "read deliveries and their attempts",
    "deliveries:write": "replay deliveries",
    "connections:read": "read connections with health, quota and drift",
    "inbox:read": "read what came in and what is in quarantine",
    "inbox:write": "replay items of the inbox",
    "metrics:read": "read /metrics from another machine",
    "callbacks:write": "make, read and cancel callbacks",
    "routing:read": "ask who should get a caller, and why; read the VIP list, the black list and absences",
    "routing:write": "change the VIP list, the black list and absences",
    "rules:read": "read the rules of CRM connections",
    "rules:write": "draft, try, publish and take back rules",
    "reports:read": "read reports",
    "webhooks:write": "make and remove outgoing webhooks",
}
