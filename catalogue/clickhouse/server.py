"""Asks ClickHouse over its HTTP interface, and says what went wrong in our words."""

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
_REFUSED: Final = {192, 193, 194, 497, 516}  # no such user, wrong password, no right
_DAMAGED: Final = {33, 40, 228, 246, 271}  # what was read is not what was written
_CODE = re.compile(r"Code: (\d+)")
_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 300
_SHOWN_CHARACTERS: Final = 300


Settings = Mapping[str, int]
Sent = Mapping[str, tuple[str, NDArray[np.void]]]
"""Tables by name, each with its columns in ClickHouse's words."""


class NoSuchTable(IndexUnavailable):
    """A table is not there, or not there any more: a rebuild may have replaced it."""


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
        """Run a statement and return its answer, whole.

        ``tables`` go along for this statement alone.
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
        """Return the rows that a SELECT answers with."""
        answer = self.do(f"{sql} FORMAT JSONCompact", host=host, settings=settings)
        found: list[list[Any]] = json.loads(answer)["data"]  # Any: JSON
        return found

    def insert(self, table: str, rows: NDArray[np.void], *, host: str = "") -> None:
        """Write rows, on disk and seen by everybody at return, on all servers."""
        columns = ", ".join(rows.dtype.names or ())
        params: dict[str, str | int] = {
            "query": f"INSERT INTO {table} ({columns}) FORMAT RowBinary",
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
        """How many parts the index is in."""
        return len({shard for shard, _ in self._cluster}) if self.address.cluster else 1

    @property
    def grouping(self) -> Settings:
        """What lets each server answer for its groups: none is on two of them."""
        return {"distributed_group_by_no_merge": 1} if self.address.cluster else {}

    @cached_property
    def _cluster(self) -> list[tuple[int, str]]:
        rows = self.rows(
            "SELECT DISTINCT shard_num, host_name FROM system.clusters "
            f"WHERE cluster = '{self.address.cluster}' ORDER BY shard_num, host_name"
        )
        if not rows:
            raise IndexUnavailable(
                f"ClickHouse at {self._shown('')} knows no cluster "
                f"{self.address.cluster}: name it under remote_servers in its settings."
            )
        return [(shard, host) for shard, host in rows]

    @cached_property
    def _insert_at_once(self) -> dict[str, int]:
        """What keeps newer servers from gathering inserts before they write."""
        return {"async_insert": 0} if self.knows("settings", "async_insert") else {}

    def knows(self, table: str, name: str) -> bool:
        """Tell whether the server has a setting; old ones refuse what is new."""
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
            # The whole answer or an error, never an answer that breaks off.
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
        where, said = self._shown(host), text.strip()[:_SHOWN_CHARACTERS]
        if code == _UNKNOWN_TABLE:
            raise NoSuchTable(
                f"A table of the landmark index at {where} is gone: {said}"
            )
        if code in _DAMAGED:
            raise IndexCorrupt(f"The landmark index at {where} is damaged: {said}")
        if code in _REFUSED:
            raise IndexUnavailable(
                f"ClickHouse at {where} refuses the user {self.address.user}: check "
                "name, password and rights in INDEX_URL."
            )
        if code == _UNKNOWN_DATABASE:
            raise IndexUnavailable(
                f"ClickHouse at {where} has no database {self.address.database}; make "
                f"it with: CREATE DATABASE {self.address.database}"
            )
        raise IndexUnavailable(f"ClickHouse at {where} answers: {said}")
