"""Serves ClickHouse's HTTP interface from chdb, the current engine without a server.

``.venv-clickhouse/bin/python tests/index/front.py FOLDER USER PASSWORD`` prints the
port it listens on. It runs one statement at a time and passes on only those settings
that change the format of an answer.
"""

from __future__ import annotations

import base64
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

_PART = re.compile(rb'name="([^"]+)"')
_PASSED_ON = ("output_format_json_quote_64bit_integers",)


class Front(BaseHTTPRequestHandler):
    """Answers as ClickHouse does, as far as the index needs."""

    session: Session
    credentials: str
    folder: Path

    def do_POST(self) -> None:
        """Run one statement."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != self.credentials:
            self._answer(403, b"Code: 516. DB::Exception: Authentication failed")
            return
        try:
            self._answer(200, self._run(body))
        except Exception as error:  # noqa: BLE001 - chdb raises all kinds of exceptions
            self._answer(500, str(error).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Log nothing."""

    def _run(self, body: bytes) -> bytes:
        params = dict(parse_qsl(urlsplit(self.path).query))
        self.session.query(f"USE {params['database']}")
        for name in set(_PASSED_ON) & params.keys():
            self.session.query(f"SET {name} = {int(params[name])}")
        parts = self._parts(body)
        sql = params.get("query") or (parts.pop("query") if parts else body).decode()
        if "query" in params:
            return self._insert(sql, body)
        for name, content in parts.items():
            columns = params[f"{name}_structure"]
            self.session.query(f"CREATE TEMPORARY TABLE {name} ({columns})")
            self._insert(f"INSERT INTO {name} FORMAT RowBinary", content)
        try:
            return bytes(self.session.query(sql).bytes())
        finally:
            for name in parts:
                self.session.query(f"DROP TABLE {name}")

    def _insert(self, sql: str, rows: bytes) -> bytes:
        head, _, form = sql.rpartition(" FORMAT ")
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(rows)
            file.flush()
            self.session.query(f"{head} FROM INFILE '{file.name}' FORMAT {form}")
        return b""

    def _parts(self, body: bytes) -> dict[str, bytes]:
        """Return the fields of a multipart form by name."""
        kind = self.headers.get("Content-Type", "")
        if "boundary=" not in kind:
            return {}
        found = {}
        for part in body.split(b"--" + kind.partition("boundary=")[2].encode()):
            head, _, content = part.partition(b"\r\n\r\n")
            if name := _PART.search(head):
                found[name[1].decode()] = content.removesuffix(b"\r\n")
        return found

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until killed."""
    folder, user, password = sys.argv[1:]
    Front.folder = Path(folder)
    Front.session = Session(f"{folder}/chdb")
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    Front.credentials = f"Basic {secret}"
    server = HTTPServer(("127.0.0.1", 0), Front)
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
