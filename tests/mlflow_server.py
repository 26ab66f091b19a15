"""A real MLflow server for the tests that may take minutes: with accounts, and everything but artifacts in PostgreSQL."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.postgres import Postgres

ADMIN = "admin"


class MlflowServer:
    """``mlflow server --app-name basic-auth`` on loopback, with the account ``ann`` beside the administrator's."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self._folder = folder
        self._admin = secrets.token_urlsafe(12)
        self.password = secrets.token_urlsafe(12)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        accounts = postgres.make("accounts")
        (folder / "auth.ini").write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {accounts}\nadmin_username = {ADMIN}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_PASSWORD": self._admin,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(12),
            "MLFLOW_BACKEND_STORE_URI": postgres.make("tracking"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.up()
        self.ask("users/create", (ADMIN, self._admin), {"username": "ann", "password": self.password})

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def uri(self) -> str:
        return self.address.replace("//", f"//ann:{self.password}@")

    def ask(self, call: str, account: tuple[str, str], content: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.address}/api/2.0/mlflow/{call}",
            None if content is None else json.dumps(content).encode(),
            {"Content-Type": "application/json"},
        )
        token = base64.b64encode(":".join(account).encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def up(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 300
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                told = (self._folder / "log").read_text()
                assert self.process.poll() is None, told
                assert time.monotonic() < deadline, told
                time.sleep(0.2)

    def down(self) -> None:
        """Kill it and what it started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
