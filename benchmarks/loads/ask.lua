-- Asks one question over and over, and looks at every answer.
-- Arguments: the file of the body, a mark that each answer must have near its end, the least and the greatest length of an answer, and how
-- many numbered words it has, all of which must be there, once and in order: ` word000`, ` word001` ...

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
  mark, least, greatest, words = args[2], tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  wrong = 0
end

local function has_all_words(body)
  local count, at = 0, 1
  while true do
    local first, last = body:find(" word", at, true)
    if not first then
      return count == words
    end
    if tonumber(body:sub(last + 1, last + 3)) ~= count then
      return false
    end
    count, at = count + 1, last + 4
  end
end

function is_right(status, body)
  return status == 200 and #body >= least and #body <= greatest
    and body:find(mark, -2000, true) ~= nil
    and (words == 0 or has_all_words(body))
end

function response(status, headers, body)
  if not is_right(status, body) then
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local all_wrong = 0
  for _, thread in ipairs(threads) do
    all_wrong = all_wrong + thread:get("wrong")
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"duration_us":%d,"bytes":%d,"wrong":%d,"failed":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration, summary.bytes, all_wrong,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
