"""A disk that is slow, or stalls: answers come late, in order, and memory stays bounded."""

import threading

import pytest
import wire
from eventually import eventually
from librdkafka import clients

from ..forebay import BUSY, Forebay
from ..workload import ContinuousProducer, create
from .calls import Injection, need_strace
from .device import FaultyDisk
from .load import Load

MEBIBYTE = 1024 * 1024
TAIL, REQUESTS = 8, 16
# What the process has beside those two: itself, the buffers of a commit and of a sort, and what the
# allocator keeps of them. It does not grow with what is offered.
BESIDE_MIB = 150
# Seconds that a disk hangs.
HANG = 6
CONNECTIONS, REQUESTS_EACH, REQUEST_BYTES = 40, 10, 900_000
FLAGS = (
    "--journal-file-size=16MiB",
    "--disk-reserve=64MiB",
    f"--tail-cache-size={TAIL}MiB",
    f"--request-memory={REQUESTS}MiB",
)
SLOW = {
    # Every sync, as on a hard disk; and every sync as on a bad day of a shared one.
    "5 ms": "fdatasync:delay_enter=5000:when=1+",
    "200 ms": "fdatasync:delay_enter=200000:when=1+",
    # Now and then nothing for two seconds.
    "2 s stalls": "fdatasync:delay_enter=2000000:when=3+15",
    # Writes that wait where usually only syncs do.
    "slow writes": "pwrite64:delay_enter=100000:when=1+",
}


class Highest:
    """The most memory that the server has had."""

    def __init__(self, server):
        self.server, self.bytes = server, 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(0.02):
            self.bytes = max(self.bytes, self.server.resident_bytes())

    def stop(self):
        self.stopping.set()
        self.thread.join()
        return self.bytes / MEBIBYTE


@pytest.mark.parametrize("how", SLOW)
def test_a_slow_disk_delays_and_no_more(tmp_path, history, report, how):
    need_strace()
    with Forebay(tmp_path / "data", *FLAGS) as server:
        create(history, server, "heavy", 2, dense=True)
        create(history, server, "light", 2, dense=True)
        heavy = [
            ContinuousProducer(history, server.broker, "heavy", 2, f"heavy-{n}", padding=50_000)
            for n in range(6)
        ]
        light = ContinuousProducer(history, server.broker, "light", 2, "light")
        for producer in (*heavy, light):
            producer.wait_for_progress(5)
        highest = Highest(server)
        with Injection(server, SLOW[how]) as injection:
            for producer in (*heavy, light):
                producer.wait_for_progress(60, within=120)
            light.wait_for_progress(60, within=120)
        for producer in (*heavy, light):
            producer.finish()
        most = highest.stop()
        assert injection.log.stat().st_size > 0
        for topic in ("heavy", "light"):
            for partition in range(2):
                history.read_to_end(server.broker, topic, partition)
        assert server.stop() == 0
        counts = history.check()["counts"]
    assert most < TAIL + REQUESTS + BESIDE_MIB
    report(
        f"{how}: {counts['acknowledged']:,} records acknowledged, in order, none lost;"
        f" at most {most:.0f} MiB resident"
    )


def test_what_a_stalled_disk_keeps_waiting_waits_in_the_sockets(tmp_path, report):
    """Far more is sent than the server may hold; it reads on when answers have gone out."""
    need_strace()
    offered = CONNECTIONS * REQUESTS_EACH * REQUEST_BYTES / MEBIBYTE
    limit = TAIL + REQUESTS + BESIDE_MIB
    assert offered > 1.5 * limit
    with Forebay(tmp_path / "data", *FLAGS) as server:
        clients.create(server.broker, "flood", partitions=CONNECTIONS)
        highest = Highest(server)
        answers = [[] for _ in range(CONNECTIONS)]
        with Injection(server, "fdatasync:delay_enter=1000000:when=1+"):
            floods = [
                threading.Thread(target=flood, args=(server.broker, n, answers[n]), daemon=True)
                for n in range(CONNECTIONS)
            ]
            for thread in floods:
                thread.start()
            # Stalled often enough that all of it has been offered.
            eventually(lambda: sum(map(len, answers)) > 3 * REQUESTS_EACH, within=60)
        for thread in floods:
            thread.join(60)
        most = highest.stop()
        for partition, answered in enumerate(answers):
            assert answered == [(0, n) for n in range(REQUESTS_EACH)], (partition, answered)
        assert server.stop() == 0
    assert most < limit
    report(f"{offered:.0f} MiB offered to a stalled disk: at most {most:.0f} MiB resident")


def test_a_disk_that_hangs_keeps_only_those_who_want_it(tmp_path):
    """Threads that serve connections write what no sync is waited for. One that does not come back is
    missed by nobody whom it does not serve."""
    need_strace()
    with Forebay(tmp_path / "data", "--durability=os") as server:
        clients.create(server.broker, "hangs")
        with wire.Connection(server.broker) as connection:

            def produce():
                records = wire.batch(wire.record(0, b"x"), 1)
                answer = connection.call(wire.PRODUCE, 7, wire.produce("hangs", records, 0))
                assert wire.produce_error(answer)[0] == 0

            # Sent in a row, so that whoever reads them writes them.
            for _ in range(100):
                produce()
            with Injection(server, f"pwrite64:delay_enter={HANG}000000:when=2", every_thread=True):
                kept = threading.Thread(target=lambda: [produce() for _ in range(20)], daemon=True)
                kept.start()
                for _ in range(4 * (HANG - 2)):
                    kept.join(0.25)
                    assert kept.is_alive(), "nothing hangs"
                    assert server.is_live(within=2)
                kept.join(60)
                assert not kept.is_alive()
        assert server.stop() == 0


def flood(broker, partition, answers):
    """Sends everything before it reads an answer."""
    with wire.Connection(broker, timeout=120) as connection:
        records = wire.batch(wire.record(0, bytes(REQUEST_BYTES)), 1)
        body = wire.produce("flood", records, partition)

        def send():
            for n in range(REQUESTS_EACH):
                connection.send(wire.frame(wire.PRODUCE, 7, n, body))

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        for n in range(REQUESTS_EACH):
            correlation, answer = connection.response()
            assert correlation == n
            answers.append(wire.produce_error(answer))
        sending.join()


def test_a_slow_device_delays_and_no_more(tmp_path, history, report):
    """5 ms for every write of a block, background work included."""
    with (
        FaultyDisk(tmp_path, write_delay_ms=5) as disk,
        Forebay(disk.path / "data", *BUSY, log=tmp_path / "server.log") as server,
    ):
        load = Load(history, server)
        load.wait_for_progress(200)
        counts = load.finish()
    report(f"5 ms for every block written: {counts['acknowledged']:,} records, none lost")
