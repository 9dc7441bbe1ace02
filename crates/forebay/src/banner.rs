//! What a person sees when the broker is ready: what listens where, and what is promised.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::setting::{Durability, Setting};

/// One listener of the table.
#[derive(Debug)]
pub(crate) struct ListenerRow {
    pub(crate) name: &'static str,
    /// `None` when it is off.
    pub(crate) address: Option<SocketAddr>,
    /// What it is for, with an address that can be copied.
    pub(crate) purpose: String,
}

/// The facts of a start.
#[derive(Debug)]
pub(crate) struct Banner {
    pub(crate) ready_in: Duration,
    pub(crate) listeners: Vec<ListenerRow>,
    pub(crate) data: PathBuf,
    pub(crate) durability: Durability,
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            f,
            "Forebay {version}, ready in {}\n",
            Milliseconds(self.ready_in)
        )?;
        let facts = [
            ("data", self.data.display().to_string(), String::new()),
            (
                "durability",
                self.durability.show(),
                self.durability.promise().to_owned(),
            ),
        ];
        let listeners = self.listeners.iter().map(|row| match row.address {
            Some(address) => (row.name, address.to_string(), row.purpose.clone()),
            None => (row.name, "off".to_owned(), String::new()),
        });
        let rows: Vec<_> = listeners.chain(facts).collect();
        let names = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
        // A long data folder must not push the purposes of the other rows out of sight.
        let with_purpose = rows.iter().filter(|row| !row.2.is_empty());
        let values = with_purpose.map(|row| row.1.len()).max().unwrap_or(0);
        for (name, value, purpose) in &rows {
            let line = format!("  {name:names$}  {value:values$}  {purpose}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `4 ms`, with a digit behind the point below ten.
struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1000.0;
        if millis < 10.0 {
            write!(f, "{millis:.1} ms")
        } else {
            write!(f, "{millis:.0} ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_listens_is_in_the_table() {
        let banner = Banner {
            ready_in: Duration::from_micros(4_240),
            listeners: vec![
                ListenerRow {
                    name: "kafka",
                    address: Some("127.0.0.1:9092".parse().unwrap()),
                    purpose: "Kafka clients".to_owned(),
                },
                ListenerRow {
                    name: "admin",
                    address: None,
                    purpose: "unused".to_owned(),
                },
            ],
            data: "/var/lib/forebay/a/long/folder".into(),
            durability: Durability::Fsync,
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            banner.to_string(),
            format!(
                "Forebay {version}, ready in 4.2 ms\n\n  \
                   kafka       127.0.0.1:9092  Kafka clients\n  \
                   admin       off\n  \
                   data        /var/lib/forebay/a/long/folder\n  \
                   durability  fsync           acknowledged messages survive power loss\n"
            )
        );
    }
}
