"""kcat, as people use it in a shell."""

import json
import subprocess

import pytest


@pytest.fixture
def kcat(broker):
    def run(*arguments, stdin=b""):
        done = subprocess.run(
            ["kcat", "-b", broker, *arguments], input=stdin, capture_output=True, timeout=30
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


def test_metadata_lists_the_broker(kcat, broker):
    metadata = json.loads(kcat("-L", "-J"))
    assert [node["name"] for node in metadata["brokers"]] == [broker]
    assert metadata["controllerid"] == metadata["brokers"][0]["id"]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_produce_and_consume(kcat, fresh, codec):
    topic = fresh("topic")
    lines = b"".join(b"line %d\n" % n for n in range(1000))
    kcat("-P", "-t", topic, "-z", codec, stdin=lines)
    assert kcat("-C", "-t", topic, "-e", "-q") == lines


def test_keys_and_headers(kcat, fresh):
    topic = fresh("topic")
    kcat("-P", "-t", topic, "-K", ":", "-H", "h=1", stdin=b"key:value\n")
    assert kcat("-C", "-t", topic, "-e", "-q", "-f", "%k=%s %h\n") == b"key=value h=1\n"


def test_the_last_records_of_a_topic(kcat, fresh):
    topic = fresh("topic")
    kcat("-P", "-t", topic, stdin=b"a\nb\nc\nd\n")
    assert kcat("-C", "-t", topic, "-o", "-2", "-e", "-q") == b"c\nd\n"


def test_reset_by_time(kcat, fresh):
    topic = fresh("topic")
    kcat("-P", "-t", topic, stdin=b"a\nb\n")
    assert kcat("-Q", "-t", f"{topic}:0:-2").startswith(f"{topic} [0] offset 0".encode())
    assert kcat("-Q", "-t", f"{topic}:0:-1").startswith(f"{topic} [0] offset 2".encode())


def test_a_group_reads_everything(kcat, fresh):
    topic, group = fresh("topic"), fresh("group")
    kcat("-P", "-t", topic, stdin=b"1\n2\n3\n")
    assert kcat("-G", group, "-o", "beginning", "-c", "3", "-q", topic) == b"1\n2\n3\n"
