-- For wrk: each request with the next cookie of a file, or with any of them.
--
--     wrk -H 'Cookie: sid=@' .. -s cookies.lua URL -- FILE LINES in-order|at-random
--
-- LINES: how many lines of the file there are, of which each begins with a cookie.

local before, after
local cookies, at, at_random = {}, 0, false

function init(args)
    local lines = io.lines(args[1])
    for number = 1, tonumber(args[2]) do
        cookies[number] = lines():match("^%S+")
    end
    at_random = args[3] == "at-random"
    before, after = wrk.format():match("^(.-sid=)@(.*)$")
end

function request()
    if at_random then
        at = math.random(#cookies)
    else
        at = at % #cookies + 1
    end
    return before .. cookies[at] .. after
end
