-- Asks Sidgate about a request (see haproxy.cfg). Printed by `sidgate edge-config haproxy`.
local AUTHZ = "http://@{authz}/authz/nginx"
local NAMES = {
    @{names}
}

-- Every value of a field of a message that HAProxy's client returned.
local function values(answer, name)
    local found = {}
    local field = answer.headers and answer.headers[name]
    if field then
        local index = 0
        while field[index] do
            found[#found + 1] = field[index]
            index = index + 1
        end
    end
    return found
end

local function first(answer, name)
    return values(answer, name)[1] or ""
end

local function refuse(txn, status, answer)
    local headers = {}
    local body = ""
    if answer then
        for name, _ in pairs(answer.headers) do
            local own = name:find("^x%-session%-") or name:find("^x%-sidgate%-")
            if not own and name ~= "content-length" and name ~= "connection" and name ~= "transfer-encoding" then
                headers[name] = values(answer, name)
            end
        end
        local location = first(answer, "x-sidgate-location")
        if location ~= "" then
            headers["location"] = { location }
        end
        body = answer.body or ""
    else
        headers["retry-after"] = { "1" }
        headers["cache-control"] = { "no-store" }
    end
    local reply = txn:reply({ status = status, headers = headers })
    reply:set_body(body)
    txn:done(reply)
end

core.register_action("sidgate", { "http-req" }, function(txn)
    local question = {}
    for name, fields in pairs(txn.http:req_get_headers()) do
        local list = {}
        local index = 0
        while fields[index] do
            list[#list + 1] = fields[index]
            index = index + 1
        end
        question[name] = list
    end
    local upgrade = question["upgrade"]
    for _, name in ipairs({ "connection", "content-length", "transfer-encoding", "expect", "te", "upgrade" }) do
        question[name] = nil
    end
    -- A handshake over HTTP/2 has no key; the gateway knows it by one.
    if upgrade and not question["sec-websocket-key"] then
        question["sec-websocket-key"] = { "AAAAAAAAAAAAAAAAAAAAAA==" }
        question["sec-websocket-version"] = { "13" }
    end
    question["host"] = { txn.sf:req_hdr("host") or "" }
    question["x-original-method"] = { txn.sf:method() }
    question["x-original-uri"] = { txn.sf:pathq() }
    -- The time is for each of four tries.
    local client = core.httpclient()
    local answer = client:get({ url = AUTHZ, headers = question, timeout = 1250 })
    if not answer or not answer.status or answer.status == 0 then
        return refuse(txn, 503, nil)
    end
    local told = tonumber(first(answer, "x-sidgate-status")) or 0
    if answer.status ~= 200 or first(answer, "x-session-state") == "" then
        local known = told ~= 0
        return refuse(txn, known and told or 503, known and answer or nil)
    end
    for _, name in ipairs(NAMES) do
        local value = first(answer, name)
        if value == "" then
            txn.http:req_del_header(name)
        else
            txn.http:req_set_header(name, value)
        end
    end
    local cookie = first(answer, "x-sidgate-cookie")
    if cookie == "" then
        txn.http:req_del_header("cookie")
    else
        txn.http:req_set_header("cookie", cookie)
    end
    txn.http:req_set_header("x-request-id", first(answer, "x-request-id"))
    txn:set_priv({
        cookies = values(answer, "set-cookie"),
        cache = first(answer, "cache-control"),
        origin = first(answer, "access-control-allow-origin"),
    })
    txn:set_var("txn.sidgate_passes", true)
end)

core.register_action("sidgate_answer", { "http-res" }, function(txn)
    local told = txn:get_priv()
    if type(told) ~= "table" then
        return
    end
    -- The app has the last word about a cookie that it sets itself.
    local own = {}
    local fields = txn.http:res_get_headers()["set-cookie"]
    local index = 0
    while fields and fields[index] do
        own[fields[index]:match("^[^=]*")] = true
        index = index + 1
    end
    for _, cookie in ipairs(told.cookies) do
        if not own[cookie:match("^[^=]*")] then
            txn.http:res_add_header("set-cookie", cookie)
        end
    end
    if told.cache ~= "" then
        txn.http:res_set_header("cache-control", told.cache)
    end
    if told.origin ~= "" then
        txn.http:res_set_header("access-control-allow-origin", told.origin)
        txn.http:res_set_header("access-control-allow-credentials", "true")
    end
    txn:set_priv(nil)
end)
