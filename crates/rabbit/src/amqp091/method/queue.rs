//! Class 50.

use crate::amqp091::ShortStr;
use crate::amqp091::table::Table;

class! {
    Queue "queue" = 50

    /// Client: makes a queue, or asks whether it is there; without a name the server gives it one.
    /// Answered with [`DeclareOk`].
    Declare "declare" = 10 {
        ticket: u16,
        queue: ShortStr,
        passive: bool,
        durable: bool,
        exclusive: bool,
        auto_delete: bool,
        nowait: bool,
        arguments: Table,
    }

    /// Server: the queue is there, with so many ready messages.
    DeclareOk "declare-ok" = 11 {
        queue: ShortStr,
        message_count: u32,
        consumer_count: u32,
    }

    /// Client: binds a queue to an exchange. Answered with [`BindOk`].
    Bind "bind" = 20 {
        ticket: u16,
        queue: ShortStr,
        exchange: ShortStr,
        routing_key: ShortStr,
        nowait: bool,
        arguments: Table,
    }

    /// Server: the binding is there.
    BindOk "bind-ok" = 21 {}

    /// Client: throws away the ready messages. Answered with [`PurgeOk`].
    Purge "purge" = 30 {
        ticket: u16,
        queue: ShortStr,
        nowait: bool,
    }

    /// Server: so many messages are gone.
    PurgeOk "purge-ok" = 31 {
        message_count: u32,
    }

    /// Client: removes a queue. Answered with [`DeleteOk`].
    Delete "delete" = 40 {
        ticket: u16,
        queue: ShortStr,
        if_unused: bool,
        if_empty: bool,
        nowait: bool,
    }

    /// Server: the queue is not there, and so many messages went with it.
    DeleteOk "delete-ok" = 41 {
        message_count: u32,
    }

    /// Client: removes a binding. Answered with [`UnbindOk`]: this one cannot be told not to wait.
    Unbind "unbind" = 50 {
        ticket: u16,
        queue: ShortStr,
        exchange: ShortStr,
        routing_key: ShortStr,
        arguments: Table,
    }

    /// Server: the binding is not there.
    UnbindOk "unbind-ok" = 51 {}
}
