"""The switches of one account: plan, token mode, limits, and what the documents leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Settings:
    """All may be changed while the account runs.

    refresh_mode: `strict` kills a refresh token when it is used; `grace` when the new pair is first used.
    rotated_access_lives: whether an access token lives to its end after a refresh.
    limit_by: requests a second are counted by `integration` (amoCRM) or by `ip` (Kommo).
    too_many_form: a 429 is `json` (with retry_after) or plain `text`.
    missing_status: what a single entity that is not there is answered with, 204 or 404.
    calls_match_unsorted: whether `/calls` finds contacts that are still in "unsorted".
    which_contact: of several contacts with one number, the `first` made or the `last` changed gets the call.
    query_last_digits: 0 compares a query as a substring; 7 compares the last seven digits, as Kommo says it does.
    dangling_next: the last page of a list still has a `next`, which leads to a 204.
    webhook_scale: the waits between tries of a webhook are multiplied by this.
    webhook_copies: how often each webhook is sent; webhook_shuffled: those that wait go out newest first.
    """

    paid: bool = True
    refresh_mode: Literal["strict", "grace"] = "strict"
    rotated_access_lives: bool = True
    limited: bool = True
    limit_by: Literal["integration", "ip"] = "integration"
    integration_per_second: int = 7
    account_per_second: int = 50
    abuse_patience: int = 20
    ban_seconds: float = 900.0
    too_many_form: Literal["json", "text"] = "json"
    retry_after_seconds: int = 1
    missing_status: int = 204
    most_writes_before_timeout: int = 0
    calls_match_unsorted: bool = False
    which_contact: Literal["first", "last"] = "first"
    call_notes_editable: bool = True
    duplicate_control: bool = False
    complex_envelope: bool = False
    relink_fails: bool = False
    query_last_digits: int = 0
    api_filter_enabled: bool = False
    list_deleted: bool = False
    dangling_next: bool = False
    webhook_plan: bool = True
    webhook_repost: Literal["replace", "merge"] = "replace"
    webhook_timeout_seconds: float = 2.0
    webhook_scale: float = 1.0
    webhook_copies: int = 1
    webhook_shuffled: bool = False
    users_for_admins_only: bool = True
