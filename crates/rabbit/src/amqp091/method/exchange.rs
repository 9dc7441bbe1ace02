//! Class 40.

use crate::amqp091::ShortStr;
use crate::amqp091::table::Table;

class! {
    Exchange "exchange" = 40

    /// Client: makes an exchange, or asks whether it is there. Answered with [`DeclareOk`].
    Declare "declare" = 10 {
        ticket: u16,
        exchange: ShortStr,
        kind: ShortStr,
        passive: bool,
        durable: bool,
        auto_delete: bool,
        internal: bool,
        nowait: bool,
        arguments: Table,
    }

    /// Server: the exchange is there.
    DeclareOk "declare-ok" = 11 {}

    /// Client: removes an exchange. Answered with [`DeleteOk`].
    Delete "delete" = 20 {
        ticket: u16,
        exchange: ShortStr,
        if_unused: bool,
        nowait: bool,
    }

    /// Server: the exchange is not there.
    DeleteOk "delete-ok" = 21 {}

    /// Client: binds an exchange to another. Answered with [`BindOk`].
    Bind "bind" = 30 {
        ticket: u16,
        destination: ShortStr,
        source: ShortStr,
        routing_key: ShortStr,
        nowait: bool,
        arguments: Table,
    }

    /// Server: the binding is there.
    BindOk "bind-ok" = 31 {}

    /// Client: removes a binding to another exchange. Answered with [`UnbindOk`].
    Unbind "unbind" = 40 {
        ticket: u16,
        destination: ShortStr,
        source: ShortStr,
        routing_key: ShortStr,
        nowait: bool,
        arguments: Table,
    }

    /// Server: the binding is not there. Its number is not one after [`Unbind`]'s, in RabbitMQ neither.
    UnbindOk "unbind-ok" = 51 {}
}
