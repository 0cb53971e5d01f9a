"""A PostgreSQL server of our own, with the gateway's real schema, for as long as the tests run."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from .gateway_tables import MIGRATIONS, VERSIONS

# An app's role, with the rights that the README names and no others.
README = (Path(__file__).parent.parent / "README.md").read_text()
ROLE = "CREATE ROLE app LOGIN;\n" + README.partition("```sql\n")[2].partition("```")[0]
# Stops the server when the process that started it is gone, however it ended.
WATCH = """
import os, shutil, signal, sys, time
owner, server, home = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
while os.path.exists(f"/proc/{owner}") and os.path.exists(f"/proc/{server}"):
    time.sleep(0.5)
try:
    os.kill(server, signal.SIGQUIT)
except ProcessLookupError:
    pass
time.sleep(0.5)
shutil.rmtree(home, ignore_errors=True)
"""


def programs() -> Path | None:
    """Debian keeps the programs of each version outside of the PATH."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    found = newest or shutil.which("postgres")
    return Path(found).parent if found else None


class Postgres:
    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="sidgate-django-pg-"))
        self.as_user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = next(u for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
            os.chown(self.home, user.pw_uid, user.pw_gid)
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.run("initdb", "-U", "postgres", "-E", "UTF8", "--auth=trust", "--no-locale", "-N")
        self.port = self.start()
        watch = [sys.executable, "-c", WATCH, str(os.getpid()), str(self.pid()), str(self.home)]
        self.watch = subprocess.Popen(watch, start_new_session=True)
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as server:
            server.execute("CREATE DATABASE sidgate")
        with psycopg.connect(self.dsn("sidgate"), autocommit=True) as database:
            database.execute(VERSIONS)
            for file in sorted((MIGRATIONS / "postgres").glob("*.sql")):
                # As the gateway applies it: a whole file at once.
                database.execute(file.read_text())
            database.execute(ROLE)

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [programs() / program, "-D", self.home / "data", *arguments],
            check=True,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            **self.as_user,
        )

    def start(self) -> int:
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            options = (
                f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
                f"{self.home} -c fsync=off -c shared_buffers=16MB"
            )
            try:
                log = str(self.home / "log")
                self.run("pg_ctl", "start", "-w", "-t", "30", "-l", log, "-o", options)
            except subprocess.CalledProcessError:
                continue  # somebody else took the port
            return port
        raise RuntimeError(f"PostgreSQL does not start:\n{(self.home / 'log').read_text()}")

    def pid(self) -> int:
        return int((self.home / "data/postmaster.pid").read_text().splitlines()[0])

    def dsn(self, database: str, role: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.port} user={role} dbname={database}"

    def stop(self) -> None:
        os.kill(self.pid(), signal.SIGQUIT)
        self.watch.wait(30)  # it sees the server gone and removes the files
