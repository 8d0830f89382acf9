"""Real MySQL servers, of two versions, as tools/mysql/setup fetches them.

    db = mysql(box, NEW, gtid_mode="ON")       # or OLD; fetched when missing, Skip where that cannot be
    db.sql("CREATE DATABASE s")                # as a MariaDB of lib.py
"""

import fcntl
import shutil
import subprocess

from lib import CACHE, TOP, MariaDB, Skip

OLD, NEW = "5.6.24", "8.0.15"


class MySQL(MariaDB):
    """`weir`/`weir-secret` has the privileges that docs/connectors.md names, and no others."""

    def __init__(self, folder, version, gtid_mode="OFF", **options):
        super().__init__(folder, **{
            "gtid_mode": gtid_mode,
            "enforce_gtid_consistency": gtid_mode,
            "innodb_log_file_size": "4M",
            "innodb_flush_method": "nosync",  # the machine stays on: what was written is there after a kill
            "default_storage_engine": "InnoDB",
            **({"mysqlx": "OFF"} if version == NEW else {"log_slave_updates": "1"}),
            **options})
        self.version = version
        self.home = TOP / ".deps" / "mysql" / version
        if not self.home.exists():
            done = subprocess.run([TOP / "tools" / "mysql" / "setup", version], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Skip(done.stderr.strip().splitlines()[-1])

    def _program(self):
        return str(self.home / "bin" / "mysqld"), [f"--basedir={self.home}", f"--lc-messages-dir={self.home / 'share'}"]

    def _template(self):
        """5.6 comes with an empty data folder; 8.0 makes one, which takes seconds and is kept."""
        if self.version == OLD:
            return self.home / "data"
        made = CACHE / f"mysql-{self.version}"
        made.mkdir(parents=True, exist_ok=True)
        with open(made / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (made / "done").exists():
                return made / "data"
            shutil.rmtree(made / "data", ignore_errors=True)
            program, needed = self._program()
            done = subprocess.run(
                [program, "--no-defaults", *self._as_user(), "--initialize-insecure", f"--datadir={made / 'data'}", *needed,
                 "--innodb-log-file-size=4M", "--innodb-flush-method=nosync", "--skip-log-bin", "--sync-binlog=0"],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise AssertionError("mysqld --initialize failed:\n" + done.stdout + done.stderr)
            (made / "data" / "auto.cnf").unlink()  # each copy is to have a UUID of its own
            (made / "done").touch()
        return made / "data"

    def _make_account(self):
        self.sql("SET sql_log_bin = 0; DELETE FROM mysql.user WHERE User = ''; FLUSH PRIVILEGES;"
                 f"CREATE USER '{self.USER}'@'%' IDENTIFIED BY '{self.PASSWORD}';"
                 f"GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{self.USER}'@'%';")


def mysql(box, version, **options):
    """A started one, that goes with the box."""
    return box.keep(MySQL(box.path(f"mysql-{len(box.things)}"), version, **options)).start()
