-- Asks one question over and over, and looks at every answer.
-- Arguments: the file of the body, a mark that each answer must have near its end, and the least and the greatest length of an answer.

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
  mark, least, greatest = args[2], tonumber(args[3]), tonumber(args[4])
  wrong = 0
end

function response(status, headers, body)
  if status ~= 200 or #body < least or #body > greatest or not body:find(mark, -2000, true) then
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
