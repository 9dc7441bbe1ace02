//! Messages on their way to many queues.

use anyhow::Result;

use super::measure;
use super::plan::{
    FANOUT_QUEUES, FEW_BINDINGS, MANY_BINDINGS, MANY_QUEUES, SMALL_BYTES, TOPIC_QUEUES,
};
use super::turn::{Turn, delivered, timed};
use crate::bench::server::Server;
use crate::bench::usage;

impl Turn<'_> {
    pub(super) fn routing(&mut self) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        let messages = self.plan.costly_messages(self.contender);
        self.warm_up(&server, messages / 5)?;
        let bytes = SMALL_BYTES.to_string();
        let body = ["--body-bytes", &bytes[..]];

        let copies = u64::from(FANOUT_QUEUES);
        let queues = FANOUT_QUEUES.to_string();
        let options = [&body[..], &["--shape", "fanout", "--queues", &queues]].concat();
        let (found, cost) = self.load(&server, "fanout", messages / copies, &options)?;
        self.add(&measure::FANOUT, delivered(&found)?);
        let deliveries = messages / copies * copies;
        let cpu = cost.server_cpu_per_million(deliveries);
        self.add(&measure::FANOUT_CPU, cpu);

        let queues = MANY_QUEUES.to_string();
        let options = [&body[..], &["--queues", &queues]].concat();
        let (found, cost) = self.load(&server, "many", messages / 2, &options)?;
        self.add(&measure::MANY, delivered(&found)?);
        self.add(
            &measure::MANY_CPU,
            cost.server_cpu_per_million(messages / 2),
        );
        let (found, cpu) = self.steady(&server, "many", &options)?;
        self.add(&measure::TRICKLE_CPU, cpu);
        self.add(&measure::TRICKLE_P99, timed(found.confirm_p99_ms)?);

        let (rate, few) = self.topic(&server, FEW_BINDINGS, messages / 2, &body)?;
        self.add(&measure::TOPIC_FEW, rate);
        self.add(&measure::TOPIC_FEW_CPU, few);
        let (rate, many) = self.topic(&server, MANY_BINDINGS, messages / 2, &body)?;
        self.add(&measure::TOPIC_MANY, rate);
        self.add(&measure::TOPIC_MANY_CPU, many);
        self.add(&measure::TOPIC_GROWTH, many / few);
        let peak = usage::peak_resident_bytes(server.id())?;
        self.memory(&measure::PEAK_ROUTING, peak);
        server.stop()
    }

    /// Messages a second, and what one cost the server, without the making of the bindings.
    fn topic(
        &self,
        server: &Server,
        bindings: u32,
        messages: u64,
        body: &[&str],
    ) -> Result<(f64, f64)> {
        let (queues, count) = (TOPIC_QUEUES.to_string(), bindings.to_string());
        let shape = [
            "--shape",
            "topic",
            "--queues",
            &queues,
            "--bindings",
            &count,
        ];
        let options = [body, &shape].concat();
        let name = format!("topic-{bindings}");
        // They are there when it is measured.
        self.load(server, &name, 1, &options)?;
        let (_, declaring) = self.load(server, &name, 1, &options)?;
        let (found, cost) = self.load(server, &name, messages, &options)?;
        let cpu = cost.server.cpu.saturating_sub(declaring.server.cpu);
        let micros = cpu.as_secs_f64() * 1e6 / messages as f64;
        Ok((delivered(&found)?, micros))
    }
}
