//! Panics of simulated threads, as text: where, and what was wrong.

use std::any::Any;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    static LOCATION: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Has panics noted instead of printed. A simulation reports them with its seed.
pub(crate) fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let location = info.location().map(ToString::to_string);
            LOCATION.set(location.unwrap_or_default());
        }));
    });
}

/// What a caught panic of this thread said.
pub(crate) fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(_) => "a panic without a message".to_owned(),
        },
    };
    LOCATION.with_borrow(|location| format!("{text} (at {location})"))
}
