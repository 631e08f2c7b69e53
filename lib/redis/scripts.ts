// The Lua scripts of the routing table and of the kick. Each is one unit for Redis: nothing of another client runs inside it.

/**
 * Applies a committed change on top of the version it belongs to, or not at all.
 *
 * A missing version means that the sets are not to be believed, with one exception: the tenant's very first change,
 * which needs no sets below it. Not while a rebuild runs, which will bring the change itself.
 *
 * KEYS: version, event set, rebuild token. ARGV: from, to, 'add' or 'remove', URL.
 */
export const APPLY = `
local held = redis.call('GET', KEYS[1])
if held then
  if held ~= ARGV[1] then return 0 end
elseif ARGV[1] ~= '0' or redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
redis.call(ARGV[3] == 'add' and 'SADD' or 'SREM', KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2])
return 1`

/** Begins a rebuild: nobody believes the sets any more, and only the newest token may write. KEYS: version, token. */
export const BEGIN_REBUILD = `
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1`

/**
 * Replaces one set as a whole while the rebuild is still ours. In one script, because a reader who took the version
 * just before the rebuild began must find the old set or the new one, never half of one.
 *
 * KEYS: token, event set. ARGV: token, then the URLs. SADD in slices: Lua unpacks at most some 8,000 values at once.
 */
export const REPLACE_SET = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
for first = 2, #ARGV, 1000 do
  redis.call('SADD', KEYS[2], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
return 1`

/** Ends a rebuild that is still ours. KEYS: version, token. ARGV: token, version. */
export const END_REBUILD = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1`

/**
 * Sets the mark of the kick unless another one stands. A client that repeats a command after a lost connection would
 * take its own mark for another's, and nobody would ask for the drain: hence the token.
 *
 * KEYS: mark. ARGV: token, milliseconds until it ends.
 */
export const SET_MARK = `
local held = redis.call('GET', KEYS[1])
if held then return held == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

/** Takes a mark back that is still ours. KEYS: mark. ARGV: token. */
export const WITHDRAW_MARK = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`

/** KEYS: mark. */
export const CLEAR_MARK = `return redis.call('DEL', KEYS[1])`
