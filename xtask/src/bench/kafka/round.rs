//! One contender, once: a fresh folder, everything that is measured on it, and gone.

use anyhow::Result;

use super::contender::Contender;
use super::measure;
use super::plan::{BATCH_RECORDS, LARGE_PARTITIONS, PARTITIONS, Plan, RECORD_BYTES};
use crate::bench::comparison::{Measure, Measured, Sample};
use crate::bench::cost::{self, Cost};
use crate::bench::load::frames::{FETCH_BYTES, Frames};
use crate::bench::load::kafka_tools::{self, Work};
use crate::bench::load::{self, librdkafka};
use crate::bench::server::{Seat, Server};
use crate::bench::{machine, usage};
use crate::layout::Layout;

/// Written and read before anything is measured, so that a JVM has compiled what it runs.
const WARM: &str = "warm";
/// For Kafka's own tools.
const TOOLS: &str = "tools";
/// For librdkafka.
const LIBRDKAFKA: &str = "librdkafka";
/// For frames that were encoded once.
const FRAMES: &str = "frames";
/// At a fixed rate.
const STEADY: &str = "steady";

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A contender's turn in a round.
pub(crate) struct Turn<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) plan: &'a Plan,
    pub(crate) contender: Contender,
    pub(crate) round: usize,
    pub(crate) measured: &'a mut Measured<Contender>,
    /// Quantile curves at the higher rate, one a turn.
    pub(crate) curves: &'a mut Vec<(Contender, Vec<(f64, f64)>)>,
}

impl Turn<'_> {
    pub(crate) fn take(mut self) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        machine::sync_disks();
        let server = seat.start()?;
        self.add(&measure::READY, server.ready_after.as_secs_f64() * 1e3);
        self.memory(&measure::IDLE, usage::resident_bytes(server.id())?);
        for topic in [WARM, TOOLS, LIBRDKAFKA, FRAMES, STEADY] {
            load::create_topic(self.layout, &server.bootstrap, topic, PARTITIONS)?;
        }
        self.warm_up(&server)?;
        self.produce(&server)?;
        if self.contender.is_default() {
            self.consume_tail(&server)?;
        }
        if !self.plan.tools_only {
            self.librdkafka(&server)?;
            self.frames(&server)?;
            self.latency(&server)?;
        }
        self.memory(&measure::PEAK, usage::peak_resident_bytes(server.id())?);
        server.stop()?;
        if self.contender.is_default() {
            self.consume_cold(&seat)?;
        }
        Ok(())
    }

    /// With so many bytes of logs in a thousand partitions: how long until it is ready.
    pub(crate) fn take_large(mut self, bytes: u64) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        load::create_topic(self.layout, &server.bootstrap, "large", LARGE_PARTITIONS)?;
        let records = bytes / u64::from(RECORD_BYTES);
        librdkafka::produce(self.layout, &server.bootstrap, "large", records)?;
        usage::wait_until_quiet(server.id())?;
        server.stop()?;
        machine::drop_page_cache();
        let server = seat.start()?;
        self.add(
            &measure::READY_LARGE,
            server.ready_after.as_secs_f64() * 1e3,
        );
        self.memory(
            &measure::LARGE_RESIDENT,
            usage::resident_bytes(server.id())?,
        );
        // Killed while it is written to: recovery has something to do.
        librdkafka::produce(self.layout, &server.bootstrap, "large", self.plan.records)?;
        server.kill()?;
        machine::drop_page_cache();
        let server = seat.start()?;
        self.add(
            &measure::READY_KILLED,
            server.ready_after.as_secs_f64() * 1e3,
        );
        server.stop()
    }

    fn warm_up(&self, server: &Server) -> Result<()> {
        let work = self.work(server, WARM, self.plan.warm_up_records(self.contender));
        kafka_tools::produce(self.layout, &work, RECORD_BYTES)?;
        kafka_tools::consume(self.layout, &work)?;
        usage::wait_until_quiet(server.id())?;
        machine::sync_disks();
        Ok(())
    }

    fn produce(&mut self, server: &Server) -> Result<()> {
        let (layout, records) = (self.layout, self.plan.records(self.contender));
        let work = self.work(server, TOOLS, records);
        let (rate, cost) = cost::of(server, || kafka_tools::produce(layout, &work, RECORD_BYTES))?;
        self.add(&measure::PRODUCE, rate);
        self.add(&measure::PRODUCE_CPU, cost.server_cpu_per_million(records));
        self.add(
            &measure::PRODUCE_CLIENT_CPU,
            cost.client_cpu_per_million(records),
        );
        self.add(&measure::PRODUCE_SERVER_SHARE, cost.server_share);
        self.add(&measure::PRODUCE_CLIENT_SHARE, cost.client_share);
        self.add(&measure::PRODUCE_IDLE, cost.idle_share);
        self.add(&measure::PRODUCE_OTHERS, cost.others_share);
        self.add(&measure::WRITTEN, written_per_byte(&cost, records));
        Ok(())
    }

    fn consume_tail(&mut self, server: &Server) -> Result<()> {
        let (layout, records) = (self.layout, self.plan.records(self.contender));
        let work = self.work(server, TOOLS, records);
        let (rate, cost) = cost::of(server, || kafka_tools::consume(layout, &work))?;
        self.add(&measure::TAIL, rate);
        self.add(&measure::TAIL_CPU, cost.server_cpu_per_million(records));
        self.add(
            &measure::TAIL_CLIENT_CPU,
            cost.client_cpu_per_million(records),
        );
        self.add(&measure::TAIL_SERVER_SHARE, cost.server_share);
        self.add(&measure::TAIL_CLIENT_SHARE, cost.client_share);
        self.add(&measure::TAIL_IDLE, cost.idle_share);
        self.add(&measure::TAIL_OTHERS, cost.others_share);
        Ok(())
    }

    /// After a restart, with nothing in the page cache; the server's own code is warm again.
    fn consume_cold(&mut self, seat: &Seat) -> Result<()> {
        let server = seat.start()?;
        let warm = self.work(&server, WARM, self.plan.warm_up_records(self.contender));
        kafka_tools::consume(self.layout, &warm)?;
        machine::drop_page_cache();
        let (layout, records) = (self.layout, self.plan.records(self.contender));
        let work = self.work(&server, TOOLS, records);
        let (rate, cost) = cost::of(&server, || kafka_tools::consume(layout, &work))?;
        self.add(&measure::COLD, rate);
        self.add(&measure::COLD_CPU, cost.server_cpu_per_million(records));
        server.stop()
    }

    fn librdkafka(&mut self, server: &Server) -> Result<()> {
        let (layout, records) = (self.layout, self.plan.records(self.contender));
        let bootstrap = &server.bootstrap;
        let (rate, cost) = cost::of(server, || {
            librdkafka::produce(layout, bootstrap, LIBRDKAFKA, records)
        })?;
        self.add(&measure::LIB_PRODUCE, rate);
        self.add(
            &measure::LIB_PRODUCE_CPU,
            cost.server_cpu_per_million(records),
        );
        if !self.contender.is_default() {
            return Ok(());
        }
        let (rate, cost) = cost::of(server, || {
            librdkafka::consume(layout, bootstrap, LIBRDKAFKA, records)
        })?;
        self.add(&measure::LIB_CONSUME, rate);
        self.add(
            &measure::LIB_CONSUME_CPU,
            cost.server_cpu_per_million(records),
        );
        let (rate, _) = cost::of(server, || {
            librdkafka::follow(layout, bootstrap, LIBRDKAFKA, records)
        })?;
        self.add(&measure::LIB_FOLLOW, rate);
        Ok(())
    }

    /// The server is the limit: the client sends what it has, and hardly looks at what it gets.
    fn frames(&mut self, server: &Server) -> Result<()> {
        let (layout, records) = (self.layout, self.plan.records(self.contender));
        let load = Frames {
            bootstrap: &server.bootstrap,
            topic: FRAMES,
            partitions: PARTITIONS,
            records,
            batch_records: BATCH_RECORDS,
            fetch_bytes: FETCH_BYTES,
        };
        let (rate, cost) = cost::of(server, || load.produce(layout))?;
        self.add(&measure::FRAMES_PRODUCE, rate);
        self.add(
            &measure::FRAMES_PRODUCE_CPU,
            cost.server_cpu_per_million(records),
        );
        if self.contender.is_default() {
            let (rate, cost) = cost::of(server, || load.fetch(layout))?;
            self.add(&measure::FRAMES_FETCH, rate);
            self.add(
                &measure::FRAMES_FETCH_CPU,
                cost.server_cpu_per_million(records),
            );
        }
        Ok(())
    }

    fn latency(&mut self, server: &Server) -> Result<()> {
        machine::sync_disks();
        let slow = self.steady(server, 1_000)?.0;
        self.add(&measure::SLOW_P50, slow.p50_ms);
        self.add(&measure::SLOW_P99, slow.p99_ms);
        self.add(&measure::SLOW_P999, slow.p999_ms);
        self.add(&measure::SLOW_LATE, slow.generator_late_p99_ms);
        let (fast, cost) = self.steady(server, 10_000)?;
        self.add(&measure::FAST_P50, fast.p50_ms);
        self.add(&measure::FAST_P99, fast.p99_ms);
        self.add(&measure::FAST_P999, fast.p999_ms);
        self.add(&measure::FAST_LATE, fast.generator_late_p99_ms);
        self.add(&measure::FAST_SENT, fast.sent_per_second);
        let sent = 10_000 * u64::from(self.plan.latency_seconds + librdkafka::WARM_UP_SECONDS);
        self.add(&measure::FAST_CPU, cost.server_cpu_per_million(sent));
        self.add(&measure::GIVEN_UP, (slow.failed + fast.failed) as f64);
        self.curves.push((self.contender, fast.curve));
        Ok(())
    }

    fn steady(&self, server: &Server, rate: u32) -> Result<(librdkafka::Latency, Cost)> {
        let (layout, seconds) = (self.layout, self.plan.latency_seconds);
        cost::of(server, || {
            librdkafka::latency(layout, &server.bootstrap, STEADY, rate, seconds)
        })
    }

    fn work<'a>(&self, server: &'a Server, topic: &'a str, records: u64) -> Work<'a> {
        Work {
            bootstrap: &server.bootstrap,
            topic,
            records,
        }
    }

    fn memory(&mut self, measure: &'static Measure, bytes: u64) {
        self.add(measure, bytes as f64 / MEBIBYTE);
    }

    fn add(&mut self, measure: &'static Measure, value: f64) {
        self.measured.tell(Sample {
            contender: self.contender,
            round: self.round,
            measure,
            value,
        });
    }
}

fn written_per_byte(cost: &Cost, records: u64) -> f64 {
    cost.server.written_bytes as f64 / (records * u64::from(RECORD_BYTES)) as f64
}
