"""Where visits come from: classification of a landing, models over a visitor's touches, channels, devices."""

from hub.domain.attribution import Device, Touch
from hub.tracking.sources.channels import Channel, channel_of
from hub.tracking.sources.classify import classify, continues_session
from hub.tracking.sources.device import device_of
from hub.tracking.sources.models import TouchModel, credit

__all__ = [
    "Channel",
    "Device",
    "Touch",
    "TouchModel",
    "channel_of",
    "classify",
    "continues_session",
    "credit",
    "device_of",
]
