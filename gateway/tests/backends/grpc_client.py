"""Calls everything that `grpc_server.py` has, with the metadata of `METADATA` (JSON), and prints what came back as JSON.

    python grpc_client.py ADDRESS AUTHORITY
"""

import json
import os
import sys

import grpc


def outcome(error):
    trailers = error.trailing_metadata() or ()
    return {"code": error.code().name, "details": error.details(), "trailers": dict(trailers)}


def whole(call):
    return {"code": call.code().name, "trailers": dict(call.trailing_metadata())}


def main():
    address, authority = sys.argv[1:]
    metadata = [tuple(pair) for pair in json.loads(os.environ["METADATA"])]
    told = {}
    with grpc.insecure_channel(address, options=[("grpc.default_authority", authority)]) as channel:

        def refused(name, call):
            try:
                call()
            except grpc.RpcError as error:
                told[name] = outcome(error)
            else:
                told[name] = {"code": "OK"}

        try:
            answer, call = channel.unary_unary("/demo.Echo/Unary").with_call(
                b"hello", metadata=metadata, timeout=20
            )
            told["unary"] = {"answer": json.loads(answer), **whole(call)}
        except grpc.RpcError as error:
            told["unary"] = outcome(error)
            print(json.dumps(told))
            return
        call = channel.unary_stream("/demo.Echo/Stream")(b"", metadata=metadata, timeout=20)
        told["stream"] = {"answers": [json.loads(answer) for answer in call], **whole(call)}
        # Each message waits for the answer to the one before: nothing may be kept back on the way.
        said = []

        def conversation():
            for number in range(3):
                while len(said) < number:
                    pass
                yield f"message {number}".encode()

        call = channel.stream_stream("/demo.Echo/Bidi")(conversation(), metadata=metadata, timeout=20)
        for answer in call:
            said.append(json.loads(answer))
        told["bidi"] = {"answers": said, **whole(call)}
        refused("fail", lambda: channel.unary_unary("/demo.Echo/Fail")(b"", metadata=metadata, timeout=20))
        refused("slow", lambda: channel.unary_unary("/demo.Echo/Slow")(b"", metadata=metadata, timeout=1))
        refused("nowhere", lambda: channel.unary_unary("/demo.Echo/No")(b"", metadata=metadata, timeout=20))
        refused("nobody", lambda: channel.unary_unary("/demo.Echo/Unary")(b"", timeout=20))
    print(json.dumps(told))


main()
