"""kill -9 under load on a queue: what was confirmed is delivered, what was settled stays away."""

import time

import pytest
from eventually import eventually

from .forebay import BUSY, Forebay
from .queue_workload import Account, Consumer, Publisher, declare


@pytest.mark.cycles(quick=10, ci=25, full=100)
def test_what_was_confirmed_is_delivered_and_what_was_settled_stays_settled(
    tmp_path, cycles, dice, report
):
    began = time.monotonic()
    account = Account()
    with Forebay(tmp_path / "data", *BUSY, amqp="127.0.0.1:0") as server:
        declare(server)
        workers = [Publisher(server, account, name) for name in "ab"]
        workers += [Consumer(server, account) for _ in range(2)]
        for worker in workers:
            worker.start()
        for _ in range(cycles):
            confirmed, settled = account.progress()
            eventually(
                lambda: account.progress()[0] > confirmed and account.progress()[1] > settled,
                within=30,
                what=f"publishing and consuming go on; see {server.log}",
            )
            time.sleep(dice.uniform(0.0, 0.15))
            server.kill()
            server.start()
        took = time.monotonic() - began
        # Publishers first, so that consumers can come to the end.
        for worker in workers:
            worker.finish()
        eventually(lambda: not account.lost(), within=1, what="everything was delivered")
        assert server.stop() == 0
        assert server.damage() == ""
    assert account.came_back == [], "settled messages came back"
    again = sum(times - 1 for times in account.given.values())
    report(
        f"{cycles} kills, {took / cycles:.2f} s each: {len(account.confirmed):,} messages confirmed,"
        f" none lost; {len(account.settled):,} settled, none came back; {again:,}"
        " delivered again"
    )
