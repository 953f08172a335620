"""A vendor's request budget, shared by all workers: one leaky bucket in Redis for each `QuotaRule.key`."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hub.domain.access import QuotaRule
from hub.domain.errors import Throttled
from hub.domain.intents import Lane
from hub.net.local_bucket import LocalBucket

log = logging.getLogger(__name__)

USED_SHARE = 0.8  # of the vendor's capacity: people and other programs use the same account (bitrix24.md §9.3)
_RESERVED_SHARE = {Lane.URGENT: 0.0, Lane.CALLS: 0.1, Lane.BULK: 0.3}
_LOCAL_SHARE = 0.25
_LEAVE_REDIS_SECONDS = 5.0
_PATIENCE_SECONDS = 0.5
_BY_VENDOR, _BY_METHOD = 1, 2  # what stopped a request, besides the budget (0): the place of the key

_TAKE = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
for place = 2, 3 do
  local held_ms = redis.call('PTTL', KEYS[place])
  if held_ms > 0 then return {place - 1, held_ms, now_ms} end
end
local capacity, per_second, needed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now_us = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if kept[1] then
  local passed_us = math.max(0, now_us - tonumber(kept[2]))
  tokens = math.min(capacity, tonumber(kept[1]) + passed_us / 1000000 * per_second)
end
local wait_ms = 0
if tokens >= needed then
  tokens = tokens - 1
else
  wait_ms = math.max(1, math.ceil((needed - tokens) / per_second * 1000))
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', string.format('%.0f', now_us))
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / per_second * 1000) + 1000)
return {0, wait_ms, now_ms}
"""
_HOLD = """
local time = redis.call('TIME')
local left_ms = math.ceil(ARGV[1] - time[1] * 1000 - time[2] / 1000)
if left_ms > redis.call('PTTL', KEYS[1]) and left_ms > 0 then
  redis.call('SET', KEYS[1], '1', 'PX', left_ms)
end
return left_ms
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one lane may do with a rule: take a token when at least `needed` of `capacity` are there."""

    capacity: float
    per_second: float
    needed: float


def budget(rule: QuotaRule, lane: Lane, share: float = 1.0) -> Budget:
    """Pure. The lane's part of a rule; `share` is the part of the rule that this bucket may use.

    `calls` leave a tenth of the capacity to `urgent`, `bulk` three tenths; at least one request, as
    long as the bucket holds more than one. `urgent` may take the last one.
    """
    capacity = max(1.0, rule.capacity * USED_SHARE * share)
    reserved = max(1.0, capacity * _RESERVED_SHARE[lane]) if _RESERVED_SHARE[lane] else 0.0
    return Budget(capacity, rule.per_second * share, min(capacity, reserved + 1.0))


class Bucket:
    """Asks Redis; while Redis cannot be reached, each process works on with a quarter of the budget.

    Time is Redis's own, so that workers' clocks do not matter. Safe to share between threads.
    """

    def __init__(self, client: redis.Redis | None) -> None:
        quick = _quick(client) if client is not None else None
        self._take = quick.register_script(_TAKE) if quick is not None else None
        self._hold = quick.register_script(_HOLD) if quick is not None else None
        self._local = LocalBucket()
        self._lock = threading.Lock()
        self._away_until: float | None = None

    def take(self, rule: QuotaRule, lane: Lane, method: str = "") -> None:
        """Take one request out of the budget.

        Raises `Throttled` with the moment to come back: scope "connection" when the lane's budget
        is used up or the vendor asked for a pause, "method" when only `method` is paused.
        """
        mine = budget(rule, lane)
        keys = [_key(rule.key), _hold_key(rule.key), _hold_key(rule.key, method)]
        answer = self._ask(self._take, keys, [mine.capacity, mine.per_second, mine.needed])
        if answer is None:
            small = budget(rule, lane, _LOCAL_SHARE)
            now = datetime.now(UTC)
            held, wait_seconds = self._local.take(keys, small.capacity, small.per_second, small.needed, now)
        else:
            held, wait_seconds = int(answer[0]), int(answer[1]) / 1000
            now = datetime.fromtimestamp(int(answer[2]) / 1000, UTC)
        if wait_seconds:
            raise _throttled(held, now + timedelta(seconds=wait_seconds), method)

    def hold(self, rule_key: str, until: datetime) -> None:
        """Stop all lanes of a rule until then, as the vendor asked; a longer hold stays."""
        self._keep(_hold_key(rule_key), until)

    def hold_method(self, rule_key: str, method: str, until: datetime) -> None:
        """Stop one method only (Bitrix24's OPERATION_TIME_LIMIT, bitrix24.md §2.4)."""
        self._keep(_hold_key(rule_key, method), until)

    def _keep(self, key: str, until: datetime) -> None:
        self._local.hold(key, until)  # here too: Redis may be away, or be flushed in between
        self._ask(self._hold, [key], [until.timestamp() * 1000])

    def _ask(self, script: Any, keys: list[str], arguments: list[float]) -> Any:
        """The script's answer, or None while Redis is away."""
        if script is None or not self._may_ask():
            return None
        try:
            answer = script(keys=keys, args=arguments)
        except redis.RedisError as error:
            self._note_away(error)
            return None
        self._away_until = None
        return answer

    def _may_ask(self) -> bool:
        """Whether Redis is thought to be there; while it is away, one thread looks every few seconds."""
        with self._lock:
            if self._away_until is None:
                return True
            if monotonic() < self._away_until:
                return False
            self._away_until = monotonic() + _LEAVE_REDIS_SECONDS
            return True

    def _note_away(self, error: redis.RedisError) -> None:
        with self._lock:
            news = self._away_until is None
            self._away_until = monotonic() + _LEAVE_REDIS_SECONDS
        if news:
            log.warning("Redis does not keep the request budgets (%s): going on with less.", type(error).__name__)


def _quick(client: redis.Redis) -> redis.Redis:
    """The same Redis over connections that give up soon: a card must not wait for a broker that is away."""
    pool = client.connection_pool
    short = {"socket_timeout": _PATIENCE_SECONDS, "retry": Retry(NoBackoff(), 1)}
    if not issubclass(pool.connection_class, redis.UnixDomainSocketConnection):
        short["socket_connect_timeout"] = _PATIENCE_SECONDS
    kwargs = {**pool.connection_kwargs, **short}
    return redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **kwargs))


def _key(rule_key: str) -> str:
    return f"dozvon:quota:{{{rule_key}}}"  # the braces keep the keys of one rule together in a Redis Cluster


def _hold_key(rule_key: str, method: str = "") -> str:
    return f"{_key(rule_key)}:hold:{method}"


def _throttled(held: int, until: datetime, method: str) -> Throttled:
    if held == _BY_METHOD:
        return Throttled(f"The other side asked for a pause of {method}.", until=until, scope="method")
    if held == _BY_VENDOR:
        return Throttled("The other side asked for a pause.", until=until)
    return Throttled("The request budget is used up for the moment.", until=until)
