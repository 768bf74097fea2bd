"""Send statements to ClickHouse over HTTP, and translate its errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np
import requests
from numpy.typing import NDArray

from catalogue.clickhouse.address import Address
from recognition.errors import IndexCorrupt, IndexUnavailable

_UNKNOWN_TABLE: Final = 60
_UNKNOWN_DATABASE: Final = 81
# unknown user, wrong password, missing right
_REFUSED: Final = {192, 193, 194, 497, 516}
_DAMAGED: Final = {33, 40, 228, 246, 271}  # data read differs from data written
_CODE = re.compile(r"Code: (\d+)")
# Short to connect, since an unreachable server should fail fast; long to answer, since
# large queries are slow.
_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 300
# ClickHouse repeats whole statements in its errors.
_SHOWN_CHARACTERS: Final = 300


Settings = Mapping[str, int]
Sent = Mapping[str, tuple[str, NDArray[np.void]]]
"""Tables by name, each with its columns in ClickHouse syntax and its rows."""


class NoSuchTable(IndexUnavailable):
    """A table does not exist, perhaps because a rebuild has replaced it."""


class Server:
    """The servers behind one address; safe for threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.auth = (address.user, address.password)

    def do(
        self,
        sql: str,
        *,
        host: str = "",
        tables: Sent | None = None,
        seconds: float = _ANSWER_SECONDS,
        settings: Settings | None = None,
    ) -> bytes:
        """Run a statement and return its complete answer.

        ``tables`` are sent along as temporary tables for this statement.
        """
        params: dict[str, str | int] = dict(settings or {})
        if not tables:
            return self._post(host, params, seconds, data=sql.encode())
        files = {}
        for name, (columns, rows) in tables.items():
            params |= {f"{name}_structure": columns, f"{name}_format": "RowBinary"}
            files[name] = (name, rows.tobytes())
        return self._post(host, params, seconds, data={"query": sql}, files=files)

    def rows(
        self, sql: str, *, host: str = "", settings: Settings | None = None
    ) -> list[list[Any]]:
        """Return the rows of a SELECT."""
        answer = self.do(f"{sql} FORMAT JSONCompact", host=host, settings=settings)
        answer_rows: list[list[Any]] = json.loads(answer)["data"]  # Any: JSON
        return answer_rows

    def insert(self, table: str, rows: NDArray[np.void], *, host: str = "") -> None:
        """Insert rows; on return they are on disk and visible on all servers."""
        columns = ", ".join(rows.dtype.names or ())
        params: dict[str, str | int] = {
            "query": f"INSERT INTO {table} ({columns}) FORMAT RowBinary",
            # Otherwise shards receive their rows only later.
            "insert_distributed_sync": 1,
            **self._insert_at_once,
        }
        self._post(host, params, _ANSWER_SECONDS, data=rows.tobytes())

    @cached_property
    def hosts(self) -> list[str]:
        """The servers that hold a part of the index; one, unless there is a cluster."""
        if not self.address.cluster:
            return [self.address.host]
        return [host for _, host in self._cluster]

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len({shard for shard, _ in self._cluster}) if self.address.cluster else 1

    @property
    def grouping(self) -> Settings:
        """Settings for grouped queries: each server groups its own recordings
        completely.

        No group spans two servers, so the results need no merging.
        """
        return {"distributed_group_by_no_merge": 1} if self.address.cluster else {}

    @cached_property
    def _cluster(self) -> list[tuple[int, str]]:
        rows = self.rows(
            "SELECT DISTINCT shard_num, host_name FROM system.clusters "
            f"WHERE cluster = '{self.address.cluster}' ORDER BY shard_num, host_name"
        )
        if not rows:
            raise IndexUnavailable(
                f"ClickHouse at {self._shown('')} does not know the cluster "
                f"{self.address.cluster}. Define it under remote_servers in its configuration."
            )
        return [(shard, host) for shard, host in rows]

    @cached_property
    def _insert_at_once(self) -> dict[str, int]:
        """Settings that stop newer servers from buffering inserts."""
        return {"async_insert": 0} if self.knows("settings", "async_insert") else {}

    def knows(self, table: str, name: str) -> bool:
        """Return whether the server has a setting; old servers reject unknown ones."""
        sql = f"SELECT count() FROM system.{table} WHERE name = '{name}'"
        return bool(self.rows(sql)[0][0])

    def _post(
        self,
        host: str,
        params: Mapping[str, str | int],
        seconds: float,
        *,
        data: bytes | dict[str, str],
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> bytes:
        always: dict[str, str | int] = {
            "database": self.address.database,
            # Return the whole answer or an error, never a truncated answer.
            "wait_end_of_query": 1,
            "output_format_json_quote_64bit_integers": 0,
        }
        try:
            answer = self._session.post(
                self.address.url(host),
                params={**always, **params},
                data=data,
                files=files,
                timeout=(_CONNECT_SECONDS, seconds),
            )
        except requests.RequestException as error:
            raise IndexUnavailable(
                f"The landmark index at {self._shown(host)} does not answer: "
                f"{type(error).__name__}."
            ) from error
        if answer.status_code != requests.codes.ok:
            self._fail(answer.text, host)
        return answer.content

    def _shown(self, host: str) -> str:
        return f"{host or self.address.host}:{self.address.port}"

    def _fail(self, text: str, host: str) -> None:
        code = int(found[1]) if (found := _CODE.search(text)) else 0
        where, answer = self._shown(host), text.strip()[:_SHOWN_CHARACTERS]
        if code == _UNKNOWN_TABLE:
            raise NoSuchTable(
                f"A table of the landmark index at {where} does not exist: {answer}"
            )
        if code in _DAMAGED:
            raise IndexCorrupt(f"The landmark index at {where} is damaged: {answer}")
        if code in _REFUSED:
            raise IndexUnavailable(
                f"ClickHouse at {where} refuses the user {self.address.user}. Check "
                "the name and password in INDEX_URL, and the user's rights."
            )
        if code == _UNKNOWN_DATABASE:
            raise IndexUnavailable(
                f"ClickHouse at {where} has no database {self.address.database}. Create "
                f"it with: CREATE DATABASE {self.address.database}"
            )
        raise IndexUnavailable(f"ClickHouse at {where} answers: {answer}")
