"""A stand-in for an OpenID provider: OpenID Connect Core 1.0 and Discovery 1.0, the authorization-code flow with PKCE.

Strict where the texts are strict, rude where `Faults` say so. It signs with `cryptography` alone and shares no code
with the hub, nor the libraries that the hub checks tokens with.
"""

from simulators.oidc.simulated import SimulatedProvider, simulated

__all__ = ["SimulatedProvider", "simulated"]
