"""What keeps the server from starting is said in one clear line, with an exit code that is not 0."""

import os
import socket

import pytest

from .forebay import Forebay, refuses_to_start

LISTENERS = ("--kafka", "127.0.0.1:0", "--amqp", "off", "--aws", "off",
             "--admin", "127.0.0.1:0")


def is_one_clear_line(refusal, *words):
    code, stderr = refusal
    assert code not in (0, None) and code > 0, f"exit code {code}: {stderr}"
    lines = [line for line in stderr.splitlines() if line.strip()]
    assert len(lines) == 1, stderr
    for word in words:
        assert str(word).lower() in lines[0].lower(), f"{word!r} is not in: {lines[0]}"
    for noise in ("panicked", "backtrace", "RUST_BACKTRACE", "Os {"):
        assert noise not in stderr
    return True


@pytest.mark.parametrize("listener", ["kafka", "admin"])
def test_a_taken_port(tmp_path, listener):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = "127.0.0.1:%d" % other.getsockname()[1]
        free = {"kafka": "admin", "admin": "kafka"}[listener]
        refusal = refuses_to_start(
            f"--{listener}", taken, f"--{free}", "127.0.0.1:0", "--data", str(tmp_path / "data")
        )
    assert is_one_clear_line(refusal, taken, listener)


def test_a_folder_that_another_server_holds(tmp_path):
    data = tmp_path / "data"
    with Forebay(data) as server:
        assert is_one_clear_line(refuses_to_start(*LISTENERS, "--data", str(data)), data)
        assert server.process.poll() is None, "the first server goes on"
    with Forebay(data):
        pass  # A killed server leaves no lock behind.


def test_a_data_path_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("not a folder")
    assert is_one_clear_line(refuses_to_start(*LISTENERS, "--data", str(path)), path)
    assert path.read_text() == "not a folder"


@pytest.mark.skipif(not os.path.isdir("/proc/sys"), reason="needs /proc")
def test_a_folder_that_is_not_writable(tmp_path):
    # Also root may not create a folder in /proc/sys.
    path = "/proc/sys/forebay"
    assert is_one_clear_line(refuses_to_start(*LISTENERS, "--data", path), path)


def test_an_unknown_key_in_the_configuration_file(tmp_path):
    config = tmp_path / "forebay.toml"
    config.write_text('no_such_setting = "x"\n')
    refusal = refuses_to_start(
        *LISTENERS, "--data", str(tmp_path / "data"), "--config", str(config)
    )
    assert is_one_clear_line(refusal, "no_such_setting", config.name)


def test_a_bad_environment_variable(tmp_path):
    refusal = refuses_to_start(
        *LISTENERS,
        "--data",
        str(tmp_path / "data"),
        env={"FOREBAY_RETENTION_CHECK_INTERVAL": "soonish"},
    )
    assert is_one_clear_line(refusal, "soonish")


def test_a_missing_configuration_file(tmp_path):
    missing = tmp_path / "missing.toml"
    refusal = refuses_to_start(
        *LISTENERS, "--data", str(tmp_path / "data"), "--config", str(missing)
    )
    assert is_one_clear_line(refusal, missing)


def test_sigterm_ends_with_code_0(tmp_path):
    with Forebay(tmp_path / "data") as server:
        assert server.stop() == 0
