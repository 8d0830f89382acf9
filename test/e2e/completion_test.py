#!/usr/bin/env python3
"""Completion in the shells that are there, and the manual page."""

import os
import shutil
import subprocess

from lib import BINARY, Skip, main


def weir(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=True).stdout


def shell(name, *arguments, **options):
    if shutil.which(name) is None:
        raise Skip(f"no {name}")
    done = subprocess.run([name, *arguments], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def bash(box, line):
    """What bash offers at the end of the line."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = box.path("script")
    script.write_text(weir("completion", "bash") +
                      f"COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n_weir\n"
                      'printf "%s\\n" "${COMPREPLY[@]}"\n')
    return shell("bash", "--norc", str(script), cwd=box.path("")).split()


def test_bash(box):
    assert bash(box, "weir ex") == ["explain", "explain-error"]
    assert {"run", "sql", "completion", "man"} <= {*bash(box, "weir ")}
    assert bash(box, "weir run --da") == ["--data-dir"]
    assert bash(box, "weir check --no-c") == ["--no-connect", "--no-color"]
    assert bash(box, "weir run --log-format ") == ["text", "json", "logfmt"]
    assert bash(box, "weir sql --mode c") == ["changelog", "csv"]
    assert bash(box, "weir connector ") == ["list", "doc"]
    box.path("folder").mkdir()
    assert bash(box, "weir run --data-dir fo") == ["folder"]
    # Files are left to bash: `complete -o default`.
    assert bash(box, "weir run pi") == []


def fish(box, line):
    script = box.path("script.fish")
    script.write_text(weir("completion", "fish"))
    text = shell("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'",
                 env={**os.environ, "HOME": str(box.path(""))})
    return dict(line.partition("\t")[::2] for line in text.splitlines())


def test_fish(box):
    assert fish(box, "weir che")["check"].startswith("Check pipelines")
    assert "--data-dir" in fish(box, "weir run --da")
    assert "--data-dir" not in fish(box, "weir check --da")
    assert set(fish(box, "weir run --log-format ")) == {"text", "json", "logfmt"}
    assert set(fish(box, "weir completion ")) == {"bash", "zsh", "fish"}


def test_zsh(box):
    script = box.path("_weir")
    script.write_text(weir("completion", "zsh"))
    # Every specification is read when _arguments is called: it is told what the line holds.
    told = shell("zsh", "-f", "-c", 'compdef() { }; source "$1"; _arguments() { print -rl -- "$@" }; '
                 '_describe() { print -rl -- $commands }; words=(weir run "") CURRENT=3; _weir; '
                 'words=(weir "") CURRENT=2; _weir', "zsh", str(script)).splitlines()
    assert "run:Run a pipeline in the foreground." in told
    assert "--dry-run[Check and explain; run nothing.]" in told
    assert "(-p --parallelism)-p+[Number of shards (as many as there are cores).]:N:" in told
    assert any(line.startswith("--preview=-[Show the first N (10)") for line in told)
    assert "*:argument:_files" in told


def test_another_shell_is_refused(box):
    done = subprocess.run([BINARY, "completion", "tcsh"], capture_output=True, text=True, check=False)
    assert done.returncode == 64 and "bash, zsh and fish" in done.stderr


def test_help_of_a_command(box):
    assert weir("help", "run") == weir("run", "--help")


def test_man(box):
    page = weir("man")
    assert page.startswith(".TH WEIR 1")
    for command in ["run", "sql", "check", "test", "explain", "completion", "man"]:
        assert f".SS weir {command}" in page, command
    assert "\\fB\\-\\-data\\-dir\\fR \\fIDIR\\fR" in page
    if shutil.which("man") is not None:
        warnings = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", "-"],
                                  input=page, capture_output=True, text=True, check=False).stderr
        assert warnings == "", warnings


main()
