"""weir sql: one-shot statements in every mode, and the shell on a terminal of its own."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from lib import BINARY, TIME_SCALE, main, wait_until

GROUPED = ("SELECT id, COUNT(*) AS n FROM (VALUES (1, 'a'), (2, 'b'), (2, 'c')) AS t(id, s) "
           "GROUP BY id")
ENDLESS = ("CREATE TABLE t (id INT) WITH ('connector' = 'datagen', 'rows-per-second' = '50', "
           "'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000');")


class Terminal:
    """weir sql on a pseudo-terminal."""

    def __init__(self, box, *arguments, columns=100, lines=30, home=None):
        self.home = home or box.weir("").folder
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", XDG_STATE_HOME=str(self.home), LC_ALL="C.UTF-8")
            os.environ.pop("NO_COLOR", None)
            os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # libedit keeps names of functions for good
            os.chdir(self.home)
            os.execv(str(BINARY), ["weir", "sql", *arguments])
        self.resize(columns, lines)
        self.seen = ""
        self.code = None

    def resize(self, columns, lines):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, seconds=10.0):
        """What came up to the text, which is taken out."""
        end = time.monotonic() + seconds * TIME_SCALE
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], 0.1)
            if ready:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
            assert time.monotonic() < end, f"no {text!r} in {self.seen[-2000:]!r}"
        at = self.seen.index(text) + len(text)
        came, self.seen = self.seen[:at], self.seen[at:]
        return came.replace("\r\n", "\n")

    def run(self, statement):
        self.type(statement + "\n")
        return self.expect("weir> ")

    def wait(self):
        wait_until(self.has_ended, "the end of the shell")
        return self.code

    def has_ended(self):
        try:
            if select.select([self.fd], [], [], 0)[0]:
                os.read(self.fd, 65536)
        except OSError:
            pass
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.code = os.waitstatus_to_exitcode(status)
        os.close(self.fd)
        return True

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


def state(box):
    return {"XDG_STATE_HOME": str(box.weir("").folder / "state")}


def test_rows_are_shown_as_a_table(box):
    done = box.weir("").call("sql", "-e", GROUPED, env=state(box))
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0] == lines[2] == lines[-2] == "+----+---+", done.stdout
    assert lines[1] == "| id | n |" and sorted(lines[3:5]) == ["|  1 | 1 |", "|  2 | 2 |"]
    assert lines[-1] == "2 rows in set"


def test_changes_are_laid_out_by_type(box):
    done = box.weir("").call("sql", "--mode", "changelog", "-e",
                             "SELECT CAST(NULL AS STRING) AS s, 1 AS i, TRUE AS b", env=state(box))
    assert done.stdout == (
        "+----+--------------------------------+-------------+-------+\n"
        "| op |                              s |           i |     b |\n"
        "+----+--------------------------------+-------------+-------+\n"
        "| +I |                         <NULL> |           1 |  TRUE |\n"
        "+----+--------------------------------+-------------+-------+\n"
        "Received a total of 1 row\n"), done.stdout


def test_long_texts_are_cut(box):
    weir = box.weir("")
    text = "'30b5c1bb-0ac0-43d3-b812-fcb649fd2b07'"
    done = weir.call("sql", "--mode", "changelog", "-e", f"SELECT {text} AS name FROM (VALUES (1)) "
                     "AS t(x)", env=state(box))
    assert done.returncode == 0, done
    done = weir.call("sql", "-e", f"SET 'table.display.max-column-width' = '10'; "
                     f"SELECT CAST({text} AS STRING) AS name", env=state(box))
    assert "| 30b5c1b... |" in done.stdout, done.stdout


def test_json_is_one_object_a_line(box):
    done = box.weir("").call("sql", "--mode", "json", "-e",
                             "SELECT 1 AS a, 'x' AS b, CAST(NULL AS INT) AS c", env=state(box))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"a": 1, "b": "x", "c": None}]
    done = box.weir("").call("sql", "--mode", "json", "-e", GROUPED, env=state(box))
    last = {}
    for line in done.stdout.splitlines():
        change = json.loads(line)
        if change["op"] in ("+I", "+U"):
            last[change["row"]["id"]] = change["row"]["n"]
    assert last == {1: 1, 2: 2}, done.stdout


def test_csv_has_names_first(box):
    done = box.weir("").call("sql", "--mode", "csv", "-e", "SELECT 1 AS a, 'x,y' AS b; SHOW MODULES",
                             env=state(box))
    assert done.stdout == 'a,b\n1,"x,y"\nmodule name\ncore\n', done.stdout


def test_statements_follow_each_other(box):
    weir = box.weir("")
    weir.write("init.sql", "CREATE VIEW v AS SELECT 41 AS x;\nSET 'pipeline.name' = 'p';")
    weir.write("main.sql", "CREATE VIEW w AS SELECT x + 1 AS y FROM v;\nSELECT y FROM w;\nSET;\n")
    done = weir.call("sql", "-i", "init.sql", "-f", "main.sql", "--mode", "csv", env=state(box))
    assert done.returncode == 0 and done.stdout == "y\n42\nkey,value\npipeline.name,p\n", done
    piped = weir.call("sql", stdin=b"SELECT 1 AS one_row", env=state(box))
    assert piped.returncode == 0 and "1 row in set" in piped.stdout, piped


def test_the_first_mistake_ends_a_script(box):
    weir = box.weir("")
    done = weir.call("sql", "-e", "SELECT 1 AS a; SELECT nothing FROM nowhere; SELECT 2 AS b",
                     env=state(box))
    assert done.returncode == 65 and "WR2001" in done.stderr, done
    assert "| a |" in done.stdout and "| b |" not in done.stdout, done.stdout
    syntax = weir.call("sql", "-e", "SELECT 1 AS a; SELEC 2;", env=state(box))
    assert syntax.returncode == 65 and syntax.stdout == "", syntax
    assert weir.call("sql", "-f", "missing.sql", env=state(box)).returncode == 66
    assert weir.call("sql", "--mode", "xml", "-e", "SELECT 1", env=state(box)).returncode == 64


def test_an_insert_is_a_job_that_a_script_waits_for(box):
    weir = box.weir("")
    done = weir.call("sql", "-e", """
        CREATE TABLE s (id INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
        INSERT INTO s VALUES (1), (2);
        SHOW JOBS""", env=state(box))
    assert done.returncode == 0, done
    assert "insert-into_default_catalog.default_database.s" in done.stdout, done.stdout
    assert "FINISHED, 2 rows written" in done.stderr, done.stderr
    rows = sorted(line for part in weir.path("out").glob("part-*") for line in part.read_text().split())
    assert rows == ["1", "2"], rows


def test_dropping_a_materialized_table_ends_its_job(box):
    # Its input does not end, and the script waits for its jobs.
    done = box.weir("").call("sql", "-e", ENDLESS + """
        CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '1' SECOND AS SELECT id FROM t;
        DROP MATERIALIZED TABLE m;
        SHOW JOBS;
        SHOW MATERIALIZED TABLES""", env=state(box))
    assert done.returncode == 0, done
    assert "CANCELED" in done.stdout and "Empty set" in done.stdout, done.stdout


def test_overwriting_takes_the_place_of_what_was_there(box):
    weir = box.weir("")
    weir.path("out").mkdir()
    weir.path("out/old").write_text("9\n")
    done = weir.call("sql", "-e", """
        SET 'execution.runtime-mode' = 'batch';
        SET 'table.dml-sync' = 'true';
        CREATE TABLE s (id INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
        INSERT OVERWRITE s VALUES (1);
        INSERT OVERWRITE s SELECT id + 1 FROM s;
        SELECT * FROM s""", "--mode", "csv", env=state(box))
    assert done.returncode == 0 and done.stdout.split() == ["id", "2"], done
    assert len([*weir.path("out").iterdir()]) == 1, [*weir.path("out").iterdir()]


def test_jobs_run_one_after_another_if_told(box):
    done = box.weir("").call("sql", "-e", """
        SET 'table.dml-sync' = 'true';
        CREATE TABLE s (id INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
        INSERT INTO s VALUES (1), (2);
        SELECT COUNT(*) AS n FROM s;""", "--mode", "table", env=state(box))
    assert done.returncode == 0 and "| 2 |" in done.stdout, done


def test_ctrl_c_ends_a_query_of_a_script(box):
    weir = box.weir("")
    weir.start("sql", "--mode", "csv", "-e", ENDLESS + "SELECT id FROM t; SELECT 7 AS later;",
               env=state(box))
    wait_until(lambda: weir.stdout().count("\n") > 3, "rows", process=weir)
    assert weir.stop(signal.SIGINT) == 0, weir.log()
    assert "later" not in weir.stdout()


def test_a_statement_may_take_several_lines(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.type("SELECT 1 AS a, -- a comment; no end\n")
    shell.expect("   -> ")
    shell.type("'x;y' AS b\n")
    shell.expect("   -> ")
    assert "| 1 | x;y |" in shell.run(";")
    shell.type("\x04")
    assert shell.wait() == 0


def test_ctrl_c_stops_the_query_and_not_the_shell(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.run(ENDLESS)
    shell.type("SELECT id FROM t;\n")
    shell.expect("rows so far")
    shell.expect("rows so far")
    shell.type("\x03")
    assert "rows in set" in shell.expect("weir> ")
    assert "| 5 |" in shell.run("SELECT 5 AS f;")
    shell.type("SELECT nothing \x03")
    shell.expect("^C")
    shell.expect("weir> ")
    assert "| 6 |" in shell.run("SELECT 6 AS s;")
    shell.type("quit\n")
    assert shell.wait() == 0


def test_changes_come_live(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.run("SET 'sql-client.execution.result-mode' = 'changelog';")
    shell.run(ENDLESS)
    shell.type("SELECT id FROM t;\n")
    shell.expect("| +I |")
    shell.expect("| +I |")
    shell.type("\x03")
    assert "Received a total of" in shell.expect("weir> ")
    shell.close()


def test_wide_tables_fit_narrow_terminals(box):
    shell = Terminal(box, columns=40)
    shell.expect("weir> ")
    out = shell.run("SELECT 'a long text of many words' AS first_column, "
                    "'another of the same kind' AS second_column, 12 AS n;")
    table = [line for line in out.split("\n") if line.startswith("|") or line.startswith("+")][-5:]
    assert table and all(len(line) <= 40 for line in table), table
    shell.resize(120, 30)
    out = shell.run("SELECT 'a long text of many words' AS first_column, "
                    "'another of the same kind' AS second_column, 12 AS n;")
    assert "| a long text of many words | another of the same kind | 12 |" in out, out
    shell.close()


def test_tab_completes_words(box):
    shell = Terminal(box, columns=160)
    shell.expect("weir> ")
    shell.run("CREATE TABLE customers (customer_address STRING) WITH ('connector' = 'datagen');")
    shell.type("SELECT customer_a\t")
    shell.expect("ddress ")  # what is new on the line is drawn
    shell.type("\x03")
    shell.expect("weir> ")
    shell.type("descr\t")
    shell.expect("DESCRI")  # DESCRIBE, DESCRIPTOR
    shell.type("BE ")
    shell.type("customers;\n")
    assert "customer_address" in shell.expect("1 row in set")
    shell.expect("weir> ")
    shell.type("SET 'table.exec.state.t\t")
    shell.expect("tl")
    shell.type("\x03")
    shell.expect("weir> ")
    shell.close()


def test_history_is_kept_without_secrets(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.run("SELECT 4321 AS n;")
    shell.run("CREATE TABLE s (a INT) WITH ('connector' = 'redis', 'password' = 'hidden1');")
    shell.type("\x04")
    assert shell.wait() == 0
    kept = (shell.home / "weir" / "sql_history").read_text()
    assert "4321" in kept and "hidden1" not in kept, kept
    again = Terminal(box, home=shell.home)
    again.expect("weir> ")
    again.type("\x1b[A")
    again.expect("SELECT 4321 AS n;")
    again.close()


def test_pasted_statements_run_in_order(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.type("SELECT 1 AS a; SELECT 2 AS b;\nSELECT\n3 AS c;\nSELECT 4\n")
    out = shell.expect("| c |")
    assert out.index("| a |") < out.index("| b |"), out
    shell.type("AS d;\n")
    shell.expect("| 4 |")
    shell.close()


def test_long_lines_and_wide_characters(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    # A terminal takes lines of up to 4096 bytes at once.
    long = "x" * 3000
    shell.type(f"SELECT CHAR_LENGTH('{long}') AS n;\n")
    shell.expect("| 3000 |")
    shell.expect("weir> ")
    out = shell.run("SELECT '日本' AS w, 'é' AS n;")
    assert "| 日本 | é |" in out, out
    shell.close()


def test_mistakes_have_their_caret_and_leave_the_shell(box):
    shell = Terminal(box, "--no-color")
    shell.expect("weir> ")
    out = shell.run("SELECT 1 FROM nowhere;")
    assert "error[WR2001]" in out and "^^^^^^^" in out, out
    out = shell.run("SELEC 1;")
    assert "error[WR1" in out, out
    assert "| 1 |" in shell.run("SELECT 1 AS a;")
    shell.close()


def test_jobs_are_shown_and_stopped(box):
    shell = Terminal(box, columns=200)
    shell.expect("weir> ")
    shell.run(ENDLESS)
    shell.run("CREATE TABLE s (id INT) WITH ('connector' = 'blackhole');")
    out = shell.run("INSERT INTO s SELECT id FROM t;")
    found = re.search(r"job ([0-9a-f]{32})", out)
    assert found, out
    assert "RUNNING" in shell.run("SHOW JOBS;")
    assert "CANCELED" in shell.run(f"STOP JOB '{found[1][:8]}';")
    assert "CANCELED" in shell.run(f"DESCRIBE JOB '{found[1]}';")
    assert "WR2407" in shell.run("STOP JOB 'nothing';")
    shell.run("INSERT INTO s SELECT id FROM t;")
    shell.type("EXIT;\n")
    assert shell.wait() == 0


def test_the_end_in_the_middle_of_a_statement_runs_nothing(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.type("SELECT 1\n")
    shell.expect("   -> ")
    # Between two lines the terminal is not the editor's, and the key is taken for a character of the line: a
    # person clears the line and tries again.
    def ends():
        shell.type("\x15\x04")
        return shell.has_ended()
    wait_until(ends, "the end of the shell", every=0.5)
    assert shell.code == 0


def test_a_statement_set_is_read_to_its_end(box):
    shell = Terminal(box)
    shell.expect("weir> ")
    shell.run("CREATE TABLE s (id INT) WITH ('connector' = 'blackhole');")
    shell.type("BEGIN STATEMENT SET;\n")
    shell.expect("   -> ")
    shell.type("INSERT INTO s VALUES (CASE WHEN TRUE THEN 1 END);\n")
    shell.expect("   -> ")
    assert "insert-into" in shell.run("END;")
    shell.close()


main()
