-- One step in the life of a lease, atomic: who gets a number, who keeps it, who gives it back.
-- KEYS[1]: the site's prefix. ARGV: what, version, now (ms), visit, idle (ms), region, the number it had, address,
-- and then lines for the journal. Answers {"load"} when the site's numbers must be loaded first, else
-- {state, number, since, until, shared} with state "held", "none" (the site has no numbers) or "gone".
local site = KEYS[1]
local what, version, now, visit = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local idle, region, had, address = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local GRACE, REAP, JOURNAL_LENGTH = 15000, 200, 1000000

if redis.call('HGET', site .. 'meta', 'version') ~= version then return {'load'} end

local function note(line)
  redis.call('XADD', site .. 'journal', 'MAXLEN', '~', JOURNAL_LENGTH, '*', 'd', line)
end

-- A lease in the hash: number, since, until, told (when the journal heard of it last), left (0 or when), address, shared.
local function read(of)
  local text = redis.call('HGET', site .. 'lease', of)
  if not text then return nil end
  local n, s, u, t, l, a, h = string.match(text, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%S+) (%d)$')
  return {n = n, s = tonumber(s), u = tonumber(u), t = tonumber(t), l = tonumber(l), a = a, h = h}
end

local function stamp(ms) return string.format('%.0f', ms) end

local function write(of, lease)
  redis.call('HSET', site .. 'lease', of, table.concat(
    {lease.n, stamp(lease.s), stamp(lease.u), stamp(lease.t), stamp(lease.l), lease.a, lease.h}, ' '))
  redis.call('ZADD', site .. 'ends', lease.l > 0 and lease.l + GRACE or lease.u, of)
end

local function tell(of, lease, ends, seen)
  note('L ' .. of .. ' ' .. lease.n .. ' ' .. stamp(lease.s) .. ' ' .. stamp(ends) .. ' ' .. stamp(seen) .. ' ' .. lease.h)
end

local function drop(of, lease)
  redis.call('HDEL', site .. 'lease', of)
  redis.call('ZREM', site .. 'ends', of)
  if lease.a ~= '-' and redis.call('HINCRBY', site .. 'addresses', lease.a, -1) < 1 then
    redis.call('HDEL', site .. 'addresses', lease.a)
  end
  local pool = redis.call('HGET', site .. 'numbers', lease.n)
  if redis.call('HINCRBY', site .. 'holders', lease.n, -1) < 1 then
    redis.call('HDEL', site .. 'holders', lease.n)
    if pool then
      redis.call('ZREM', site .. 'busy:' .. pool, lease.n)
      redis.call('ZADD', site .. 'free:' .. pool, lease.l > 0 and lease.l or lease.u, lease.n)
    end
  end
end

local function reap()
  for _, of in ipairs(redis.call('ZRANGEBYSCORE', site .. 'ends', '-inf', now, 'LIMIT', 0, REAP)) do
    local lease = read(of)
    if lease then
      local ends = lease.l > 0 and lease.l or lease.u
      if lease.l == 0 then tell(of, lease, ends, math.max(lease.s, ends - idle)) end
      drop(of, lease)
    else
      redis.call('ZREM', site .. 'ends', of)
    end
  end
end

-- The number that it had if that is free, else the one that rested longest, else the busy one given out longest ago.
local function choose()
  local own = had ~= '' and redis.call('HGET', site .. 'numbers', had)
  if own and (own == region or own == '') and redis.call('ZSCORE', site .. 'free:' .. own, had) then return had, own, 0 end
  local pools = region == '' and {''} or {region, ''}
  for _, pool in ipairs(pools) do
    local rested = redis.call('ZRANGE', site .. 'free:' .. pool, 0, 0)[1]
    if rested then return rested, pool, 0 end
  end
  for _, pool in ipairs(pools) do
    local busy = redis.call('ZRANGE', site .. 'busy:' .. pool, 0, 0)[1]
    if busy then return busy, pool, 1 end
  end
  return nil
end

local function count(field, by)
  redis.call('HINCRBY', site .. 'hours', string.format('%d', math.floor(now / 3600000)) .. ' ' .. field, by)
end

-- Only a number that was free makes one more busy; what was shared is known to alarm when it is written.
local function measure(shared)
  count('given', 1)
  if shared == 1 then return count('shared', 1) end
  local busy, field = redis.call('HLEN', site .. 'holders'), string.format('%d', math.floor(now / 3600000)) .. ' busy'
  if busy > tonumber(redis.call('HGET', site .. 'hours', field) or '0') then
    redis.call('HSET', site .. 'hours', field, busy)
  end
end

local function alarm()
  if address == '-' then return end
  local held = tonumber(redis.call('HGET', site .. 'addresses', address) or '0')
  if held >= 3 and held * 2 > redis.call('HLEN', site .. 'numbers') then count('alarm:drained', 1) end
end

local function give()
  local number, pool, shared = choose()
  if not number then return {'none'} end
  if shared == 0 then redis.call('ZREM', site .. 'free:' .. pool, number) end
  redis.call('ZADD', site .. 'busy:' .. pool, now, number)
  redis.call('HINCRBY', site .. 'holders', number, 1)
  if address ~= '-' then redis.call('HINCRBY', site .. 'addresses', address, 1) end
  local lease = {n = number, s = now, u = now + idle, t = now, l = 0, a = address, h = tostring(shared)}
  write(visit, lease)
  tell(visit, lease, lease.u, now)
  measure(shared)
  alarm()
  return {'held', number, stamp(now), stamp(lease.u), shared}
end

local function keep(lease)
  lease.u = math.max(lease.u, now + idle)
  if lease.l > 0 or now - lease.t >= idle / 3 then
    lease.t = now
    tell(visit, lease, lease.u, now)
  end
  lease.l = 0
  write(visit, lease)
  return {'held', lease.n, stamp(lease.s), stamp(lease.u), tonumber(lease.h)}
end

reap()
for place = 9, #ARGV do note(ARGV[place]) end
if what == 'sweep' then return {'swept'} end
local lease = read(visit)
if what == 'leave' then
  if not lease then return {'gone'} end
  lease.l = now
  write(visit, lease)
  tell(visit, lease, now, now)
  return {'gone', lease.n}
end
if lease then return keep(lease) end
return give()
