"""A real server and worker on localhost, and the environment of real clients."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import requests

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
# Other tests may keep the machine busy; a server that ends is noticed at once.
_START_SECONDS = 240
_WAIT_SECONDS = 300


@dataclass(frozen=True)
class Server:
    """A server under test, with a token that has every permission."""

    base: str
    token: str
    env: dict[str, str]
    data_dir: Path
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Make a call as a client does. Any: arguments of requests."""
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return requests.request(method, self.base + path, headers=headers, timeout=60, **kwargs)

    def manage(self, *arguments: str) -> str:
        """Run a management command against the server's data."""
        return _manage(self.env, *arguments)


def _manage(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(data_dir: Path, **settings: str) -> Iterator[Server]:
    """Serve from a data folder; both processes end with the block.

    The folder is empty, or holds a migrated database, which saves the migration.
    """
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    env = {
        **os.environ,
        "ACRPORTAL_DATA_DIR": str(data_dir),
        "ACRPORTAL_BASE_URL": base,
        "ACRPORTAL_HTTPS": "off",
        "ACRPORTAL_API_HOSTS": ".acrcloud.com,.acrcloud.cn",
        "ACRPORTAL_ALLOW_PRIVATE_ADDRESSES": "1",
        "ACRPORTAL_RATE_LIMITS": "off",
        # One machine has one clock.
        "ACRPORTAL_SETTLING_SECONDS": "0",
        "SECRET_KEY": "only for this test, and long enough",
        "DATABASE_URL": f"sqlite:///{data_dir}/portal.sqlite3",
        # tests/acrportal/test_web_processes.py has several.
        "WEB_CONCURRENCY": "1",
        **settings,
    }
    if not (data_dir / "portal.sqlite3").exists():
        _manage(env, "migrate", "--verbosity", "0")
    token = _manage(env, "create_api_token", "--username=client", "--scope=all").split()[-1]
    with (data_dir / "serve.log").open("wb") as log, serving(port, env, log) as process:
        yield Server(base, token, env, data_dir, process.pid)


@contextmanager
def serving(
    port: int, env: Mapping[str, str] = os.environ, log: int | IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``manage.py serve`` on a port until the block ends; wait until it answers."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=env,
        stdout=log,
        stderr=log,
    )
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=_START_SECONDS)


def wait_until_up(base: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers; fail at once if its process ends."""
    for _ in _ticks(_START_SECONDS):
        assert process.poll() is None, "the server ended"
        try:
            if requests.get(f"{base}/healthz", timeout=30).ok:
                return
        except requests.RequestException:
            continue
    raise AssertionError("the server did not come up")


def wait_for(server: Server, path: str, *, states: tuple[int, ...]) -> dict[str, Any]:
    """Poll as clients do until the object at ``path`` has a given state.

    Any: JSON.
    """
    for _ in _ticks(_WAIT_SECONDS):
        data = server.call("GET", path).json()["data"]
        row: dict[str, Any] = data[0] if isinstance(data, list) else data
        if row["state"] in states:
            return row
    raise AssertionError(f"{path} stays in state {row['state']}")


def _ticks(seconds: float) -> Iterator[None]:
    """Yield at intervals until the time is over, while other processes work."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.2)


@dataclass
class Received:
    """One request to a receiver."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A callback receiver; ``answers`` are its first response statuses, then 200."""

    url: str
    requests: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait(self, count: int) -> list[Received]:
        """Return the requests once there are ``count`` of them."""
        for _ in _ticks(_WAIT_SECONDS):
            if len(self.requests) >= count:
                return self.requests
        raise AssertionError(f"{len(self.requests)} callbacks came, not {count}")


@contextmanager
def callback_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.requests.append(Received(self.path, dict(self.headers), body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/callback")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a temporary certificate for the vendor's hosts; return its path and its key's."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = "DNS:*.acrcloud.com,DNS:acrcloud.com,DNS:localhost"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=acrcloud.com", "-addext", f"subjectAltName={names}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@contextmanager
def tls_proxy(target_port: int, certificate: Path, key: Path) -> Iterator[str]:
    """Run an HTTPS proxy that ends TLS for any host and forwards to ``target_port``.

    A client that knows no proxies may use it as a server named localhost.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=_tunnel, args=(client, context, target_port), daemon=True
            ).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _tunnel(client: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Answer one CONNECT if there is one, end TLS, and forward bytes both ways."""
    if client.recv(1, socket.MSG_PEEK) == b"C":
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with (
        context.wrap_socket(client, server_side=True) as inside,
        socket.create_connection(("127.0.0.1", port)) as server,
    ):
        back = threading.Thread(target=_pump, args=(server, inside), daemon=True)
        back.start()
        _pump(inside, server)
        back.join(timeout=60)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def installed_packages(name: str) -> Path | None:
    """Return the folder of Node's packages if one is there: from ``make clients``, or None.

    ``CLIENTS_NPM`` names another folder in which ``npm ci`` ran.
    """
    packages = Path(os.environ.get("CLIENTS_NPM", ROOT / ".venv-clients")) / "node_modules"
    return packages if (packages / name).is_dir() else None


def installed_client(variable: str, program: str, *, module: str) -> str | None:
    """Return an installed client: from the variable, from ``make clients``, or None.

    ``module`` must be installed in the environment of ``make clients``.
    """
    own = ROOT / ".venv-clients"
    there = next(own.glob(f"lib/python*/site-packages/{module}*"), None)
    if variable in os.environ:
        return os.environ[variable]
    return str(own / "bin" / program) if there is not None else None
