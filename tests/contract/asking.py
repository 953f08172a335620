"""One vendor under questioning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType

from connectors.registry import REGISTRY
from hub.calls.fold import fold
from hub.domain.call import Call
from hub.domain.events import CallEvent
from tests.contract.senders import SENDERS, Sample, Secrets, Sender
from webhooks.contract import Admitted, Hook, HookRequest, InboxItem, ParseContext, Parsed, Stated

VENDORS = sorted(vendor for vendor, connector in REGISTRY.items() if connector.hook is not None)
SIGNERS = [vendor for vendor in VENDORS if vendor in SENDERS and SENDERS[vendor].signs_body]
"""The others carry a shared secret, which proves the sender and not the content."""
PROVERS = [vendor for vendor in VENDORS if vendor in SENDERS and SENDERS[vendor].carries_proof]
"""The others sign nothing: their address is the secret, and nothing that they say is believed unasked."""


@dataclass(frozen=True)
class Asked:
    """One vendor under questioning."""

    vendor: str
    hook: Hook
    sender: Sender

    @property
    def context(self) -> ParseContext:
        return ParseContext("RU", MappingProxyType(dict(self.sender.parse_settings)))

    def request(self, sample: Sample, secrets: Secrets | None = None) -> HookRequest:
        return self.sender.sign(sample, secrets or self.sender.secrets)

    def admit(self, request: HookRequest, *secrets: Secrets) -> Admitted:
        return self.hook.admit(request, secrets)

    def items(self, sample: Sample) -> tuple[InboxItem, ...]:
        return self.admit(self.request(sample), self.sender.secrets).items

    def parsed(self, sample: Sample) -> list[Parsed]:
        return [self.hook.parse(item, self.context) for item in self.items(sample)]

    def events(self, samples: Iterable[Sample]) -> list[CallEvent]:
        stated = [one for sample in samples for one in self.parsed(sample) if isinstance(one, Stated)]
        return [event for one in stated for event in one.events]

    def with_fields(self, sample: Sample, document: dict[str, object]) -> Sample:
        return replace(sample, body=self.sender.write(document))


def folded(events: Iterable[CallEvent]) -> dict[str, Call]:
    calls: dict[str, list[CallEvent]] = {}
    for event in events:
        calls.setdefault(event.call_key, []).append(event)
    return {key: fold(stated) for key, stated in calls.items()}
