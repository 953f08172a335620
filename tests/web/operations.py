"""Every operation of the API and the scope that it asks for."""

from __future__ import annotations

OPERATIONS = (
    ("GET", "/calls", "calls:read"),
    ("GET", "/calls.csv", "calls:read"),
    ("GET", "/calls/1", "calls:read"),
    ("GET", "/deliveries", "deliveries:read"),
    ("GET", "/deliveries/1", "deliveries:read"),
    ("POST", "/deliveries/1/replay", "deliveries:write"),
    ("GET", "/connections", "connections:read"),
    ("GET", "/statements", "calls:read"),
    ("GET", "/statements/1", "calls:read"),
    ("GET", "/visits", "calls:read"),
    ("GET", "/visits/1", "calls:read"),
    ("POST", "/callbacks", "callbacks:write"),
    ("GET", "/callbacks", "callbacks:write"),
    ("GET", "/callbacks/1", "callbacks:write"),
    ("DELETE", "/callbacks/1", "callbacks:write"),
    ("GET", "/routing/explain", "routing:read"),
    ("GET", "/routing/decisions", "routing:read"),
    ("GET", "/vip", "routing:read"),
    ("GET", "/vip.csv", "routing:read"),
    ("POST", "/vip", "routing:write"),
    ("DELETE", "/vip/1", "routing:write"),
    ("GET", "/inbox", "inbox:read"),
    ("POST", "/inbox/1/replay", "inbox:write"),
)
