//! Class 30: gone from the specification, and served for clients that never noticed.

use crate::amqp091::ShortStr;

class! {
    Access "access" = 30

    /// Client: asks for a ticket. Answered with [`RequestOk`].
    Request "request" = 10 {
        realm: ShortStr,
        exclusive: bool,
        passive: bool,
        active: bool,
        write: bool,
        read: bool,
    }

    /// Server: a ticket, which nobody looks at.
    RequestOk "request-ok" = 11 {
        ticket: u16,
    }
}
