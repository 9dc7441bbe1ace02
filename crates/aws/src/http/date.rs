//! The time of an answer (RFC 9110, 6.6.1), written once a second and thread.

use std::cell::RefCell;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

thread_local! {
    static LAST: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

/// Hands over `Sun, 06 Nov 1994 08:49:37 GMT`. `now_ms` is in milliseconds since the Unix epoch.
pub(super) fn with_date<T>(now_ms: i64, take: impl FnOnce(&str) -> T) -> T {
    let now = now_ms.div_euclid(1_000);
    LAST.with_borrow_mut(|(second, text)| {
        if *second != now {
            text.clear();
            *second = now;
            // A clock that is past the year 9999 is none; the field is left empty then.
            if let Ok(time) = Timestamp::from_second(now) {
                let printed = DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
                text.push_str(&printed.unwrap_or_default());
            }
        }
        take(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_second() {
        let date = |now_ms| with_date(now_ms, str::to_owned);
        assert_eq!(date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(784_111_778_000), "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(i64::MAX), "");
    }
}
