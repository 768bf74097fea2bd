"""Backup and restore: everything is restored, also to another database, or nothing."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from acrportal.secret_key import ensure_secret_key
from base.accounts.models import User
from operations import earlier
from operations.backup import MEDIA_LIST, make_backup
from operations.backup_places import MANIFEST, FolderPlace, backups_in
from operations.restoring import check_backup, find_backup
from operations.tables import BackupUnusable, file_sha256, load_table, read_table
from recognition.version import VERSION
from reports.evidence import signing
from review.models import Match
from tests import audio
from tests.fixtures import Catalogue, submit_sound
from tests.processes import python

_REMARK = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_version_1_0")]
    operations = [
        migrations.AddField("bucket", "remark", models.TextField(default="none"))
    ]
"""

_EARLIER_KEY = "an-earlier-key-as-long-as-a-real-one"


def _quietly(_line: str) -> None:
    pass


@pytest.fixture
def backups(installation: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one backup, made while the key changes."""
    monkeypatch.setattr(settings, "SECRET_KEY_FALLBACKS", [_EARLIER_KEY])
    signing.key_path().write_bytes(b"signing key")
    make_backup(FolderPlace(tmp_path / "backups"), _quietly)
    return tmp_path / "backups"


class Elsewhere:
    """Another installation, in a separate process; of other code, if it is named."""

    def __init__(
        self,
        folder: Path,
        database: str = "",
        code: Path = settings.BASE_DIR,
        **variables: str,
    ) -> None:
        self.folder = folder
        self._code = code
        ensure_secret_key(folder / "secret_key")
        self._environment = {
            **{k: v for k, v in os.environ.items() if k != "DATABASE_URL"},
            "ACRPORTAL_DATA_DIR": str(folder),
            **({"DATABASE_URL": database} if database else {}),
            **variables,
        }

    def manage(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return python("manage.py", *arguments, env=self._environment, cwd=self._code)


def _content(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the hashes of each table and of each file of the index in a backup."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    tables = {table["model"]: table["sha256"] for table in manifest["tables"]}
    return tables, manifest["index"]["files"]


def _holds_the_same(elsewhere: Elsewhere, backups: Path) -> None:
    again = elsewhere.folder / "backups"
    made = elsewhere.manage("backup", again)
    assert made.returncode == 0, made.stderr
    assert _content(find_backup(again)) == _content(find_backup(backups))
    original = {path.name for path in (backups / "objects").glob("*/*")}
    assert {path.name for path in (again / "objects").glob("*/*")} == original


@pytest.mark.soak  # sets up a second installation
def test_a_restored_installation_holds_the_same(backups: Path, tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path / "elsewhere")

    restored = elsewhere.manage("restore", backups)

    assert restored.returncode == 0, restored.stderr
    assert "until you decide" in elsewhere.manage("installation").stdout
    _holds_the_same(elsewhere, backups)
    assert (elsewhere.folder / "secret_key").read_text() == settings.SECRET_KEY
    assert (elsewhere.folder / "secret_key_fallbacks").read_text() == _EARLIER_KEY
    assert (elsewhere.folder / "signing_key.pem").read_bytes() == b"signing key"


def _of_before_version_1(backups: Path) -> None:
    """Make the backup one that the last commit before version 1.0 could have made."""
    former = {today: before for before, today in earlier.moved().items()}
    folder = find_backup(backups)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["migrations"] = [
        migration for migration in manifest["migrations"] if migration[1] != earlier.FIRST
    ]
    manifest["migrations"] += [
        [app, name] for app, last in earlier.LAST.items() for name in {"0001_release", last}
    ]
    for table in manifest["tables"]:
        if table["model"] == "review.match":
            _without(folder / "tables" / table["file"], "low_hz")
            table["sha256"] = file_sha256(folder / "tables" / table["file"])
        table["model"] = former.get(table["model"], table["model"])
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _without(table: Path, column: str) -> None:
    columns, rows = read_table(table)
    place = columns.index(column)
    head = {"model": table.name, "columns": [*columns[:place], *columns[place + 1 :]]}
    lines = [head, *([*row[:place], *row[place + 1 :]] for row in rows)]
    table.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))


@pytest.mark.soak  # sets up a second installation
def test_a_backup_from_before_version_1_is_restored(backups: Path, tmp_path: Path) -> None:
    """Nothing sets the column that it lacks, so it is restored as it was."""
    shutil.copytree(backups, tmp_path / "today")
    _of_before_version_1(backups)
    elsewhere = Elsewhere(tmp_path / "elsewhere")

    restored = elsewhere.manage("restore", backups)

    assert restored.returncode == 0, restored.stderr
    _holds_the_same(elsewhere, tmp_path / "today")


def test_only_columns_with_a_default_may_be_missing(backups: Path) -> None:
    table = find_backup(backups) / "tables" / "review.match.jsonl.gz"
    Match.objects.update(low_hz=300)

    _without(table, "low_hz")
    # Within a transaction, as a restore does: other tables name these rows.
    with transaction.atomic():
        assert load_table(Match, table) == Match.objects.filter(low_hz=None).count() > 0

    _without(table, "recording_id")
    with pytest.raises(BackupUnusable, match=r"columns of its table: recording_id\."):
        load_table(Match, table)


@pytest.mark.soak
@pytest.mark.slow  # sets up a second installation
def test_a_backup_moves_to_postgresql(
    backups: Path, installation: Catalogue, tmp_path: Path, empty_postgres: str
) -> None:
    elsewhere = Elsewhere(tmp_path / "elsewhere", empty_postgres)

    restored = elsewhere.manage("restore", backups)

    assert restored.returncode == 0, restored.stderr
    _holds_the_same(elsewhere, backups)
    with psycopg.connect(empty_postgres) as database:
        row = database.execute(
            "SELECT nextval(pg_get_serial_sequence('catalogue_recording', 'id'))"
        ).fetchone()
    assert row is not None
    assert row[0] > installation.second.pk


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """Return the code of a version that has one more column and one more migration."""
    code = tmp_path / "next"
    shutil.copytree(
        settings.BASE_DIR,
        code,
        ignore=shutil.ignore_patterns("var", ".*", "__pycache__", "tests", "docs"),
    )
    number = code / "recognition" / "version.py"
    number.write_text(number.read_text().replace(f'"{VERSION}"', '"1.0.1"'))
    models = code / "catalogue" / "models.py"
    models.write_text(
        f'{models.read_text()}\n\nBucket.add_to_class("remark", models.TextField(default="none"))\n'
    )
    (code / "catalogue" / "migrations" / "0002_remark.py").write_text(_REMARK)
    return code


@pytest.mark.soak  # sets up three installations
def test_an_upgrade_and_the_way_back(backups: Path, next_version: Path, tmp_path: Path) -> None:
    """As docs/operations.md says: a backup, migrate; and back by the backup."""
    folder = tmp_path / "upgraded"
    before, after = Elsewhere(folder), Elsewhere(folder, code=next_version)
    assert before.manage("restore", backups).returncode == 0
    assert before.manage("backup", folder / "before").returncode == 0
    assert "1 migration not applied" in after.manage("doctor").stdout

    assert after.manage("migrate").returncode == 0
    assert after.manage("version").stdout.strip() == "acrportal 1.0.1"
    assert "not applied" not in after.manage("doctor").stdout
    assert after.manage("backup", folder / "after").returncode == 0

    old, new = (_content(find_backup(folder / name)) for name in ("before", "after"))
    changed = {name for name, rows in new[0].items() if rows != old[0].get(name)}
    assert changed == {"catalogue.bucket"}
    assert new[1] == old[1]
    # A backup of the later version is not for the earlier one, and its database neither.
    back = Elsewhere(tmp_path / "back")
    for elsewhere, place, why in (
        (back, "after", "migrations that this version does not know"),
        (before, "before", "Restore into an empty database"),
    ):
        refused = elsewhere.manage("restore", folder / place)
        assert refused.returncode == 1
        assert why in refused.stderr
    assert back.manage("restore", folder / "before").returncode == 0
    _holds_the_same(back, folder / "before")


def test_a_second_backup_copies_only_what_is_new(
    backups: Path, installation: Catalogue, admin: User, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_ino for path in (backups / "objects").glob("*/*")}
    submit_sound(installation.container, audio.tune(9, 5), admin)

    gone = installation.first.audio
    gone.storage.delete(str(gone))

    call_command("backup", str(backups))

    assert str(gone) in capsys.readouterr().err
    after = {path: path.stat().st_ino for path in (backups / "objects").glob("*/*")}
    assert before.items() < after.items()
    assert len(backups_in(backups)) == 2

    # Damaged backups do not stop the next.
    for damaged in backups_in(backups):
        media_list = damaged / MEDIA_LIST
        media_list.write_bytes(media_list.read_bytes()[:-10])

    again = make_backup(FolderPlace(backups), _quietly)

    assert again.media > 0
    check_backup(Path(again.where), _quietly)


def test_a_backup_that_is_damaged_or_does_not_fit_is_refused(backups: Path) -> None:
    folder = find_backup(backups)
    check_backup(folder, _quietly)
    for path in (
        folder / "tables" / "catalogue.recording.jsonl.gz",
        folder / "media.jsonl.gz",
        folder / "index" / "STORE",
        folder / "keys" / "secret_key",
        next(backups.glob("objects/*/*")),
    ):
        whole = path.read_bytes()
        broken = bytearray(whole)
        broken[len(broken) // 2] ^= 0x10
        path.write_bytes(broken)
        with pytest.raises(BackupUnusable, match=f"{path.name} is damaged"):
            check_backup(folder, _quietly)
        path.unlink()
        with pytest.raises(BackupUnusable, match=f"lacks .*{path.name}"):
            check_backup(folder, _quietly)
        path.write_bytes(whole)

    with pytest.raises(CommandError, match="Restore into an empty database"):
        call_command("restore", str(backups))

    manifest_path = folder / MANIFEST
    manifest = json.loads(manifest_path.read_bytes())
    manifest["migrations"].append(["catalogue", "9999_from_the_future"])
    manifest_path.write_text(json.dumps(manifest))

    with pytest.raises(CommandError, match=r"does not know: .*9999_from_the_future"):
        call_command("restore", str(backups))

    # Older than the last commit before version 1.0.
    _of_before_version_1(backups)
    manifest = json.loads(manifest_path.read_bytes())
    manifest["migrations"].remove(["scanning", earlier.LAST["scanning"]])
    manifest_path.write_text(json.dumps(manifest))

    with pytest.raises(CommandError, match=f"commit {earlier.LAST_COMMIT}"):
        call_command("restore", str(backups))


def test_a_backup_that_was_stopped_is_none(transactional_db: None, tmp_path: Path) -> None:
    path = tmp_path / "backups" / "20260101T000000.000000Z.unfinished"
    path.mkdir(parents=True)

    with pytest.raises(CommandError, match="holds no finished backup"):
        call_command("restore", str(tmp_path / "backups"))

    make_backup(FolderPlace(tmp_path / "backups"), _quietly)
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_named(transactional_db: None, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")

    with pytest.raises(CommandError, match=f"No backup was made: {file}: it is a file; name a fol"):
        call_command("backup", str(file))
    with pytest.raises(CommandError, match=r"No backup was made: .* is a file, not a folder"):
        call_command("backup", str(file / "backups"))
    for path in (file, tmp_path / "missing"):
        with pytest.raises(CommandError, match=f"{path} is no folder. Name a backup"):
            call_command("restore", str(path))
