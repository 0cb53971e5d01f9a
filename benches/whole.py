"""Sidgate against a bare Pingora: CPU time per request and memory per session of whole processes.

A bare Pingora runs twice: with the allocator of the system, and with the one that Sidgate has. Rounds alternate between all
targets, so that a drift of the machine falls on each of them.
"""

from __future__ import annotations

import contextlib
import http.client
import statistics
import subprocess
from pathlib import Path

import compare
import loads
from compare import Bench, Target

WARM_SECONDS = 2
# Of one table: what the others are compared with stands first.
Table = list[Target]


def bare(at: Bench, stack: contextlib.ExitStack, program: str, tls: bool = False) -> tuple[subprocess.Popen, int]:
    port, log = compare.free_port(), at.folder / f"{program}.log"
    command = [at.binaries / program, f"127.0.0.1:{port}", f"127.0.0.1:{at.upstream}", str(at.threads)]
    if tls:
        command += [at.folder / "cert.pem", at.folder / "key.pem"]
    process = stack.enter_context(compare.running(command, log, at.folder))
    compare.wait_for(compare.listens(port), process, log)
    return process, port


def certificate(folder: Path) -> None:
    """Of nobody in particular: the load generators do not look."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise compare.Failed(done.stderr)
    (folder / "key.pem").chmod(0o600)


def plain(at: Bench, stack: contextlib.ExitStack, folder: Path) -> Table:
    """HTTP/1.1 without TLS."""
    own, own_port = bare(at, stack, "passthrough-mimalloc")
    system, system_port = bare(at, stack, "passthrough")
    loud, loud_port = stack.enter_context(at.sidgate(folder, "info"))
    quiet, quiet_port = stack.enter_context(at.sidgate(folder, "warn"))
    log = folder / "info.log"
    path = compare.PATH
    return [
        Target("bare Pingora, mimalloc", own, own_port, path),
        Target("bare Pingora, malloc of the system", system, system_port, path),
        Target("Sidgate, session at hand", loud, loud_port, path, log),
        Target("  without access log", quiet, quiet_port, path),
        Target("  visitor without a session", loud, loud_port, "/open" + path, log, has_session=False),
        Target("  route without session", loud, loud_port, "/public" + path, log),
    ]


def encrypted(at: Bench, stack: contextlib.ExitStack, folder: Path, load: loads.Load) -> Table:
    """TLS 1.3, HTTP/1.1 by wrk or HTTP/2 by h2load."""
    process, port = bare(at, stack, "passthrough-mimalloc", tls=True)
    tls = compare.free_port()
    loud, _plain = stack.enter_context(at.sidgate(folder, "info", tls))
    return [
        Target("bare Pingora, mimalloc", process, port, compare.PATH, scheme="https", load=load),
        Target("Sidgate, session at hand", loud, tls, compare.PATH, folder / "info.log", "https", load),
    ]


def measured(at: Bench, kind: str, rounds: int, seconds: int) -> Table:
    """`kind`: `plain`, `tls` or `h2`."""
    with contextlib.ExitStack() as stack:
        folder, [sid] = at.seeded(kind, 1)
        if kind == "plain":
            targets = plain(at, stack, folder)
        else:
            for place in (at.folder, folder):
                certificate(place)
            targets = encrypted(at, stack, folder, loads.h2load if kind == "h2" else loads.wrk)
        for target in targets:
            if (status := compare.ask(target, sid)) != 200:
                raise compare.Failed(f"{target.name} answers {status}")
            compare.drive(target, sid, WARM_SECONDS, keep=False)
        for number in range(rounds):
            # There and back, so that a drift of the machine falls on all of them.
            for target in targets if number % 2 == 0 else reversed(targets):
                compare.drive(target, sid, seconds, keep=True)
        return targets


def memory(binaries: Path, sessions: int) -> float:
    """Bytes that one session adds to the whole gateway.

    What apps were told of sessions in the last seconds has a bound of its own, a quarter of `cache.local_max_bytes`. That is full
    before anything is measured: it has room for every eighth session, and the first quarter of them warms up.
    """
    cache = f'[cache]\nlocal_max_bytes = "{sessions * 8 // 5}KiB"'
    with compare.bench(binaries, threads=1) as at:
        folder, sids = at.seeded("memory", sessions)
        warm = len(sids) // 4
        with at.sidgate(folder, "warn", more=cache) as (process, port):
            target = Target("Sidgate", process, port, "/")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            before = 0
            for number, sid in enumerate(sids):
                if number == warm:
                    before = target.resident_bytes()
                cookie = {"Host": f"localhost:{port}", "Cookie": f"sid={sid}"}
                connection.request("GET", "/", headers=cookie)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise compare.Failed(f"session {number} is answered {answer.status}")
            return (target.resident_bytes() - before) / (len(sids) - warm)


def ratio(of: Target, to: Target) -> float:
    return statistics.median(compare.ratios(of, to))


def report(targets: Table) -> str:
    """Microseconds of CPU per request: in the program, in the kernel, both; compared with the first target."""
    lines = [f"{'':36}{'user':>8}{'system':>8}{'both':>8}{'ratio':>8}{'spread':>14}{'req/s':>8}{'p50 ms':>8}{'p99 ms':>8}"]
    middle = statistics.median
    for target in targets:
        of, both, user = compare.ratios(target, targets[0]), middle(target.micros), middle(target.user_shares)
        times = "".join(f"{middle(each):8.2f}" if each else f"{'':8}" for each in (target.p50, target.p99))
        lines.append(
            f"{target.name:36}{both * user:8.1f}{both * (1 - user):8.1f}{both:8.1f}{middle(of):8.3f}"
            f"{f'{min(of):.2f}..{max(of):.2f}':>14}{middle(target.rates):8.0f}{times}"
        )
    return "\n".join(lines)
