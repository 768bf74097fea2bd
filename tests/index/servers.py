"""ClickHouse on this machine, for tests: Debian's server, a cluster of two, or chdb."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import requests

USER, PASSWORD = "portal", "p@ss word"
CLUSTER = "landmarks"
CHDB = Path(__file__).resolve().parents[2] / ".venv-clickhouse/bin/python"
HOSTS = ("127.0.0.1", "127.0.0.2")
_STARTING_SECONDS = 60
_numbers = count(1)

_CONFIG = """<yandex>
 <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/err</errorlog></logger>
 <listen_host>{host}</listen_host>
 <http_port>{http}</http_port> <tcp_port>{tcp}</tcp_port>
 <path>{folder}/data/</path> <tmp_path>{folder}/tmp/</tmp_path>
 <mark_cache_size>67108864</mark_cache_size>
 <users_config>{folder}/users.xml</users_config>
 <default_profile>default</default_profile>
 <default_database>default</default_database>
 <remote_servers><{cluster}>{shards}</{cluster}></remote_servers>
</yandex>"""
_SHARD = (
    "<shard><replica><host>{host}</host><port>{tcp}</port>"
    f"<user>{USER}</user><password>{PASSWORD}</password></replica></shard>"
)
_USERS = f"""<yandex>
 <profiles><default/></profiles> <quotas><default/></quotas>
 <users><{USER}>
  <password>{PASSWORD}</password> <networks><ip>::/0</ip></networks>
  <profile>default</profile> <quota>default</quota>
 </{USER}></users>
</yandex>"""


@dataclass(frozen=True)
class ClickHouse:
    """Running servers, on the same port of several addresses."""

    hosts: tuple[str, ...]
    port: int
    cluster: str = ""

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database for the length of the block; yield its INDEX_URL."""
        name = f"test_{next(_numbers)}"
        for host in self.hosts:
            self.ask(f"CREATE DATABASE {name}", host)
        option = f"?cluster={self.cluster}" if self.cluster else ""
        try:
            yield (
                f"clickhouse://{USER}:p%40ss%20word@{self.hosts[0]}:{self.port}"
                f"/{name}{option}"
            )
        finally:
            for host in self.hosts:
                self.ask(f"DROP DATABASE {name}", host)

    def ask(self, sql: str, host: str = HOSTS[0]) -> str:
        """Run a statement on one server."""
        answer = requests.post(
            f"http://{host}:{self.port}/?database=default&insert_distributed_sync=1",
            data=sql.encode(),
            auth=(USER, PASSWORD),
            timeout=60,
        )
        assert answer.ok, answer.text
        return answer.text


def chdb_is_there() -> bool:
    """Return whether ``make clickhouse`` was run."""
    return CHDB.exists()


def server_is_there() -> bool:
    """Return whether ClickHouse's server is installed."""
    return shutil.which("clickhouse-server") is not None


@contextlib.contextmanager
def chdb_behind_http(folder: Path) -> Iterator[ClickHouse]:
    """Run chdb behind HTTP."""
    front = Path(__file__).with_name("front.py")
    with subprocess.Popen(
        [CHDB, front, folder, USER, PASSWORD], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield ClickHouse(HOSTS[:1], int(process.stdout.readline()))
        finally:
            process.kill()


@contextlib.contextmanager
def two_servers(folder: Path) -> Iterator[ClickHouse]:
    """Run two servers, each a shard of one cluster."""
    http, *tcp = _free_ports(3)
    found = ClickHouse(HOSTS, http, CLUSTER)
    shards = "".join(
        _SHARD.format(host=host, tcp=port)
        for host, port in zip(HOSTS, tcp, strict=True)
    )
    with contextlib.ExitStack() as stack:
        for host, port in zip(HOSTS, tcp, strict=True):
            own = folder / host
            own.mkdir()
            (own / "users.xml").write_text(_USERS)
            config = _CONFIG.format(
                folder=own,
                host=host,
                http=http,
                tcp=port,
                cluster=CLUSTER,
                shards=shards,
            )
            (own / "config.xml").write_text(config)
            process = stack.enter_context(
                subprocess.Popen(
                    ["clickhouse-server", f"--config-file={own}/config.xml"],
                    cwd=own,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            stack.callback(process.kill)
        for host in HOSTS:
            _wait_for(host, http)
        yield found


def _wait_for(host: str, port: int) -> None:
    end = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"http://{host}:{port}/", timeout=5)
            return
        time.sleep(0.05)
    raise TimeoutError(f"clickhouse-server does not listen on {host}:{port}")


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(number):
            taken = stack.enter_context(socket.socket())
            taken.bind((HOSTS[0], 0))
            ports.append(taken.getsockname()[1])
        return ports
