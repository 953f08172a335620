"""The provisioning file: a workspace as a TOML document, in and out (docs/provisioning.md)."""

from __future__ import annotations

from hub.provisioning.apply import Outcome, apply_file
from hub.provisioning.errors import ProvisioningError
from hub.provisioning.export import export_workspace

__all__ = ["Outcome", "ProvisioningError", "apply_file", "export_workspace"]
