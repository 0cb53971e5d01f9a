"""A gRPC app without generated code: messages are JSON, and each answer says what metadata the call came with.

    python grpc_server.py PORT [CERT KEY]
"""

import json
import sys
import time
from concurrent import futures

import grpc


def seen(context, **more):
    metadata = [[key, value] for key, value in context.invocation_metadata() if isinstance(value, str)]
    return json.dumps({"metadata": metadata, **more}).encode()


def trail(context):
    context.set_trailing_metadata(
        (("x-app-trailer", "whole"), ("x-session-event", "forged"), ("x-sidgate-hop", "forged"))
    )


def unary(request, context):
    trail(context)
    return seen(context, request=request.decode())


def stream(request, context):
    trail(context)
    for number in range(3):
        yield seen(context, number=number)


def bidi(requests, context):
    for request in requests:
        yield seen(context, request=request.decode())
    trail(context)


def fail(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")


def slow(request, context):
    time.sleep(30)
    return b"{}"


def main():
    port, *tls = sys.argv[1:]
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Slow": grpc.unary_unary_rpc_method_handler(slow),
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("demo.Echo", handlers),))
    address = f"127.0.0.1:{port}"
    if tls:
        cert, key = (open(name, "rb").read() for name in tls)
        server.add_secure_port(address, grpc.ssl_server_credentials([(key, cert)]))
    else:
        server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


main()
