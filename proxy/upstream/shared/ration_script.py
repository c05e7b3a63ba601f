"""The rule by which Redis hands out what a replica may have under way: text in Redis's language, which runs there in one step.

A worker tells what it holds and what it needs, and hears what it holds from now on, and what it should. It holds more than before only by
this answer, and says that it holds less only when it does: so all together never have more than the limit. Who does not come for a while is
dead; what it held is free.

What is needed is shared out evenly, up to what each needs; the rest of an uneven division goes to whoever had something longest ago, so
that workers take turns where the limit is less than their number. What nobody needs is shared out too, so that a request seldom has to
wait for an answer of Redis.

Who asks for a seat at this very replica, and could go to another, is told when it is full: when what all use is the limit, by what each has
told after the question. Until then nothing is certain, because a worker that uses what it holds, or has ended using it, need not say so.
Who uses some answers the one who asks, and nobody else.

A Redis that has just begun to remember does not know of all yet: for a while nobody gets more than what is his alone.
"""

from __future__ import annotations

import hashlib

# A worker that was not heard of for so long is taken for dead.
DEAD_AFTER_S = 5.0
# So long after Redis began to remember, all workers have told it what they have.
SETTLED_AFTER_S = 2.0

RATION_SCRIPT = """
local me, held, need, limit, alone = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local dead_ms, settled_ms, asks = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local born = tonumber(redis.call('GET', KEYS[2]) or now) or now
need = math.min(need, limit)

local mine = {id = me, need = need, served = 0}
local members, held_by_others, hungry = {mine}, 0, 0
local before
local others, askers = {}, {}
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
    local h, n, served, seen, asked = string.match(entries[i + 1], '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
    if not h then
        redis.call('HDEL', KEYS[1], entries[i])
    elseif entries[i] == me then
        mine.served = tonumber(served)
        before = {held = tonumber(h), need = tonumber(n), seen = tonumber(seen), asked = tonumber(asked)}
    elseif now - seen > dead_ms then
        redis.call('HDEL', KEYS[1], entries[i])
    else
        held_by_others = held_by_others + h
        members[#members + 1] = {id = entries[i], need = math.min(tonumber(n), limit), served = tonumber(served)}
        others[#others + 1] = {used = math.min(h, n), seen = tonumber(seen)}
        if tonumber(h) < math.min(tonumber(n), limit) then hungry = 1 end
        if tonumber(asked) > 0 then askers[#askers + 1] = {id = entries[i], asked = tonumber(asked)} end
    end
end

if before and before.held > 0 and need > 0 then mine.served = now end
table.sort(members, function(a, b) if a.served ~= b.served then return a.served < b.served end return a.id < b.id end)
local left, open = limit, {}
for _, member in ipairs(members) do
    member.share = 0
    if member.need > 0 then open[#open + 1] = member end
end
while left > 0 and #open > 0 do
    local each = math.max(1, math.floor(left / #open))
    local still = {}
    for _, member in ipairs(open) do
        local more = math.min(each, member.need - member.share, left)
        member.share = member.share + more
        left = left - more
        if member.share < member.need then still[#still + 1] = member end
    end
    open = still
end
local spare = math.floor(left / #members)
for place, member in ipairs(members) do
    if member.id == me then
        mine.share = mine.share + spare
        if place <= left % #members then mine.share = mine.share + 1 end
    end
end

if now - born < settled_ms then mine.share = math.min(mine.share, alone) end

local granted = math.max(held, math.min(mine.share, limit - held_by_others))
if granted > held and need > 0 then mine.served = now end
local is_short = granted < need
local asked = 0
if is_short and asks > 0 then asked = asks == 1 and before and before.asked > 0 and before.asked or now end
redis.call('HSET', KEYS[1], me, string.format('%d %d %d %d %d', granted, need, mine.served, now, asked))
redis.call('PEXPIRE', KEYS[1], 2 * dead_ms)

local was_short = before and before.held < before.need and before.need >= need
local gives_back = before and held < before.held and hungry == 1
if (is_short and (asks == 2 or not was_short)) or gives_back then redis.call('PUBLISH', ARGV[8], me) end

local used, used_before = math.min(granted, need), before and math.min(before.held, before.need) or 0
for _, asker in ipairs(askers) do
    if used > 0 and (used > used_before or before.seen < asker.asked) then redis.call('PUBLISH', ARGV[8], me .. ' for ' .. asker.id) end
end
local is_full = 0
if asked > 0 then
    for _, other in ipairs(others) do
        if other.seen >= asked then used = used + other.used end
    end
    if used >= limit or now - born < settled_ms then is_full = 1 end
end
return {granted, mine.share, hungry, is_full}
"""

# Redis's name for it, once it was told the text.
RATION_DIGEST = hashlib.sha1(RATION_SCRIPT.encode(), usedforsecurity=False).hexdigest()
