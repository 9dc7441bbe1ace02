//! Progress for people: a bar on standard error when somebody watches it, nothing otherwise.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal;

/// How often a bar is drawn; more flickers, less looks stuck.
const DRAWS_A_SECOND: u8 = 10;

/// A bar over `total` bytes, or a counter of bytes where the total is not known.
pub(crate) fn bytes(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => {
            "{bar:30} {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  eta {eta}"
        }
        None => "{spinner} {bytes}  {bytes_per_sec}  {msg}",
    };
    drawn(total, template)
}

fn drawn(total: Option<u64>, template: &str) -> ProgressBar {
    let target = if terminal::is_watched() {
        ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(template).expect("the template is fixed and valid");
    let bar = ProgressBar::with_draw_target(total, target).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A bar over `total` messages.
pub(crate) fn messages(total: u64) -> ProgressBar {
    let template = "{bar:30} {percent:>3}%  {human_pos}/{human_len} messages  {per_sec}  eta {eta}";
    drawn(Some(total), template)
}

/// `1234567` as `1,234,567`: counts in summaries are read by people.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 partition`, `12,000 records`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// The line that ends a transfer: `12,000 records, 11.7 MiB in 0.53 s (22,641/s)`.
pub(crate) fn summary(records: u64, bytes: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 {
        (records as f64 / seconds) as u64
    } else {
        records
    };
    format!(
        "{}, {} in {seconds:.2} s ({}/s)",
        counted(records, "record"),
        indicatif::BinaryBytes(bytes),
        grouped(rate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn the_summary_has_count_size_time_and_rate() {
        let text = summary(12_000, 12_288_000, Duration::from_millis(500));
        assert_eq!(text, "12,000 records, 11.72 MiB in 0.50 s (24,000/s)");
        assert_eq!(
            summary(1, 5, Duration::ZERO),
            "1 record, 5 B in 0.00 s (1/s)"
        );
    }
}
