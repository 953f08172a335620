-- Make a site's numbers and leases those that SQL has, without losing what Redis itself knows; atomic, once per version.
-- KEYS[1]: the site's prefix. ARGV: version, now (ms), how many numbers, then number, region, rested since (ms) of each,
-- then visit, number, since, until of each lease. Answers 1 when it did, 0 when another process was faster.
local site, version, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
if redis.call('HGET', site .. 'meta', 'version') == version then return 0 end

local rested, given, pools = {}, {}, {[''] = true}
for _, pool in ipairs(redis.call('HVALS', site .. 'numbers')) do pools[pool] = true end
for pool in pairs(pools) do
  for name, into in pairs({free = rested, busy = given}) do
    local found = redis.call('ZRANGE', site .. name .. ':' .. pool, 0, -1, 'WITHSCORES')
    for place = 1, #found, 2 do into[found[place]] = tonumber(found[place + 1]) end
    redis.call('DEL', site .. name .. ':' .. pool)
  end
end
redis.call('DEL', site .. 'numbers', site .. 'holders', site .. 'addresses', site .. 'ends')

local region, place = {}, 4
for _ = 1, tonumber(ARGV[3]) do
  local number = ARGV[place]
  region[number] = ARGV[place + 1]
  rested[number] = math.max(rested[number] or 0, tonumber(ARGV[place + 2]))
  redis.call('HSET', site .. 'numbers', number, ARGV[place + 1])
  place = place + 3
end
while place < #ARGV do
  local visit, number, since, ends = ARGV[place], ARGV[place + 1], ARGV[place + 2], ARGV[place + 3]
  redis.call('HSETNX', site .. 'lease', visit, table.concat({number, since, ends, since, 0, '-', 0}, ' '))
  place = place + 4
end

local function hold(visit, text)
  local number, since, ends, left, address = string.match(text, '^(%S+) (%d+) (%d+) %d+ (%d+) (%S+)')
  if not region[number] then
    redis.call('HDEL', site .. 'lease', visit)
    if left == '0' then
      redis.call('XADD', site .. 'journal', '*', 'd', table.concat({'L', visit, number, since, ARGV[2], ARGV[2], 0}, ' '))
    end
    return
  end
  redis.call('HINCRBY', site .. 'holders', number, 1)
  if address ~= '-' then redis.call('HINCRBY', site .. 'addresses', address, 1) end
  redis.call('ZADD', site .. 'ends', left ~= '0' and tonumber(left) + 15000 or tonumber(ends), visit)
  given[number] = math.max(given[number] or 0, tonumber(since))
end

local kept = redis.call('HGETALL', site .. 'lease')
for at = 1, #kept, 2 do hold(kept[at], kept[at + 1]) end
for number, pool in pairs(region) do
  if redis.call('HEXISTS', site .. 'holders', number) == 1 then
    redis.call('ZADD', site .. 'busy:' .. pool, given[number] or now, number)
  else
    redis.call('ZADD', site .. 'free:' .. pool, rested[number], number)
  end
end
redis.call('HSET', site .. 'meta', 'version', version)
return 1
