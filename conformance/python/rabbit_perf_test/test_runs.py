"""Short runs of PerfTest: it ends well, everything that it sent is received, and nothing is left."""

# Queues that are there afterwards, and messages that are kept.
KEPT = ["--auto-delete", "false", "--flag", "persistent"]
# Until the consumers have had nothing to do for a second.
TO_THE_END = ["--exit-when", "idle"]


def both_ways(run):
    return run.rates["sending"] > 0 and run.rates["receiving"] > 0


def test_what_is_sent_is_received(perf_test, left_in, fresh):
    queue = ["--queue", fresh("queue"), *KEPT]
    count = 3000
    perf_test(*queue, "-x", 3, "-y", 0, "--pmessages", count // 3, "--confirm", 100)
    assert left_in(queue[1]) == count
    run = perf_test(*queue, "-x", 0, "-y", 1, "--cmessages", count, "--qos", 100)
    assert run.rates["receiving"] > 0
    assert left_in(queue[1]) == 0


def test_confirms_and_acknowledgements_of_many(perf_test, left_in, fresh):
    queue = ["--queue", fresh("queue"), *KEPT]
    acks = ["--qos", 50, "--multi-ack-every", 10]
    run = perf_test(
        *queue, *acks, *TO_THE_END, "-x", 2, "-y", 2, "--pmessages", 2000, "--confirm", 100
    )
    assert both_ways(run)
    assert "confirm latency" in run.output
    assert "nacked: 0 msg/s" in run.output
    assert left_in(queue[1]) == 0


def test_quorum_queue(perf_test, fresh):
    queue = ["--queue", fresh("quorum"), "--quorum-queue"]
    run = perf_test(*queue, *TO_THE_END, "-C", 2000, "--confirm", 100, "--qos", 100)
    assert both_ways(run)


def test_fan_out(perf_test, left_in, fresh):
    prefix = fresh("queue")
    queues = [f"{prefix}-{number}" for number in (1, 2, 3)]
    pattern = ["--queue-pattern", f"{prefix}-%d", "--queue-pattern-from", 1]
    pattern += ["--queue-pattern-to", 3, *KEPT]
    exchange = ["--type", "fanout", "--exchange", fresh("exchange")]
    declared = [*pattern, *exchange]
    perf_test(*declared, "-x", 1, "-y", 0, "--pmessages", 500, "--confirm", 50)
    assert [left_in(queue) for queue in queues] == [500] * 3
    run = perf_test(*declared, *TO_THE_END, "-x", 1, "-y", 3, "--pmessages", 500)
    assert both_ways(run)
    assert [left_in(queue) for queue in queues] == [0] * 3


def test_priority(perf_test, fresh):
    queue = ["--queue", fresh("queue"), "--queue-args", "x-max-priority=5"]
    properties = ["--message-properties", "priority=3"]
    assert both_ways(perf_test(*queue, *properties, *TO_THE_END, "-C", 2000))


def test_limited_rate_and_its_latency(perf_test, fresh):
    queue = ["--queue", fresh("queue")]
    run = perf_test(*queue, "--rate", 300, "-C", 900, "--use-millis", *TO_THE_END)
    assert both_ways(run)
    # Three seconds at that rate, and one of idling: the limit was kept, whatever the machine.
    assert run.rates["sending"] <= 300
    assert "min/median/75th/95th/99th" in run.last("consumer latency")


def test_transactions(perf_test, left_in, fresh):
    queue = ["--queue", fresh("queue"), *KEPT]
    sizes = ["--ptxsize", 10, "--ctxsize", 10]
    assert both_ways(perf_test(*queue, *sizes, *TO_THE_END, "-C", 1000))
    assert left_in(queue[1]) == 0


def test_polling(perf_test, fresh):
    queue = ["--queue", fresh("queue")]
    assert both_ways(perf_test(*queue, "--polling", "-C", 1000, "--time", 4))


def test_large_messages(perf_test, left_in, fresh):
    queue = ["--queue", fresh("queue"), *KEPT]
    large = ["--size", 1_000_000, "--confirm", 5, "-C", 50]
    assert both_ways(perf_test(*queue, *large, *TO_THE_END))
    assert left_in(queue[1]) == 0
