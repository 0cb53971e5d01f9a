-- Hints: whoever LISTENs to sidgate_hint is told of an event as soon as its transaction has committed, and of nothing that
-- was rolled back. A hint says no more than the kind of the event and, for a session, its key in hex; anybody who may
-- connect can read hints and make them up. Nothing depends on them: gateways read the log in any case.
--
-- What they may cost is limited. A transaction names its first sixteen sessions and then says only 'session', which the
-- server keeps once per transaction: a change in bulk is a handful of notifications. An event is counted as this
-- transaction's own if it is not older than its beginning; after a long transaction that may leave a name out, and loses
-- nothing. And a server whose queue of notifications is full fails the commits that notify, so none are made from the
-- time that it is half full: a listener that hangs must not keep anybody from revoking.
--
-- A transaction that changes sessions cannot be prepared for two-phase commit any more, as none can that notifies. One that
-- was prepared would keep the clock locked, and so everybody from revoking, until somebody finishes it.
CREATE OR REPLACE FUNCTION sidgate_append(new_kind text, new_key bytea, new_user text, new_tenant text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE sidgate_clock SET seq = seq + 1 RETURNING seq INTO STRICT number;
    INSERT INTO sidgate_event (seq, kind, session_key, user_id, tenant_id)
    VALUES (number, new_kind, new_key, new_user, new_tenant);
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('sidgate_hint', CASE
            WHEN new_key IS NULL
              OR EXISTS (SELECT FROM sidgate_event e WHERE e.seq = number - 16 AND e.at >= transaction_timestamp())
            THEN new_kind ELSE 'session ' || encode(new_key, 'hex') END);
    END IF;
    RETURN number;
END $$;
