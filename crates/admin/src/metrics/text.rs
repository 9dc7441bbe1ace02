//! The page as OpenMetrics text.

use std::fmt::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelValue, LabelValueEncoder, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::page::{Family, Kind, LabelValue, Page, Value};

/// The text of `page`, to its end mark.
pub(super) fn encode(page: Page) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(page));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.families {
            encode_family(family, &mut encoder)?;
        }
        Ok(())
    }
}

fn encode_family(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let kind = match family.metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
        Kind::Info => MetricType::Info,
    };
    let (name, unit) = split_unit(family.metric.name);
    let help = family.metric.help;
    let mut encoder = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
    for (labels, value) in &family.series {
        match family.metric.kind {
            Kind::Info => encoder.encode_info(labels)?,
            // Without this an empty pair of braces would follow the name.
            kind if labels.is_empty() => encode_value(kind, value, &mut encoder)?,
            kind => encode_value(kind, value, &mut encoder.encode_family(labels)?)?,
        }
    }
    Ok(())
}

/// The unit that the name ends in: the encoder writes the name from both, and a line with the unit.
fn split_unit(name: &str) -> (&str, Option<Unit>) {
    if let Some(name) = name.strip_suffix("_seconds") {
        return (name, Some(Unit::Seconds));
    }
    if let Some(name) = name.strip_suffix("_bytes") {
        return (name, Some(Unit::Bytes));
    }
    (name, None)
}

fn encode_value(kind: Kind, value: &Value, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => {
            encoder.encode_counter::<NoLabelSet, u64, u64>(value, None)
        }
        (Kind::Counter, Value::Real(value)) => {
            encoder.encode_counter::<NoLabelSet, f64, f64>(value, None)
        }
        (Kind::Gauge, Value::Whole(value)) => encoder.encode_gauge(value),
        (Kind::Gauge, Value::Real(value)) => encoder.encode_gauge(value),
        (Kind::Histogram, Value::Distribution(sum, buckets)) => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            encoder.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
        }
        // A metric and a value that do not fit each other are a mistake in a source; the page is
        // better off without the series than as a whole refused.
        (Kind::Counter | Kind::Gauge | Kind::Histogram | Kind::Info, _) => {
            debug_assert!(false, "{value:?} is no {kind:?}");
            Ok(())
        }
    }
}

impl EncodeLabelValue for LabelValue {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        // Escapes what would end the value or the line.
        encoder.write_str(&self.text())
    }
}
