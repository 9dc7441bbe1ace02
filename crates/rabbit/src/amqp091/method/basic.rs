//! Class 60.

use crate::amqp091::ShortStr;
use crate::amqp091::table::Table;

class! {
    Basic "basic" = 60

    /// Client: how much may be unacknowledged. Answered with [`QosOk`].
    Qos "qos" = 10 {
        prefetch_size: u32,
        prefetch_count: u16,
        global: bool,
    }

    /// Server: it holds.
    QosOk "qos-ok" = 11 {}

    /// Client: has messages of a queue brought. Answered with [`ConsumeOk`].
    Consume "consume" = 20 {
        ticket: u16,
        queue: ShortStr,
        consumer_tag: ShortStr,
        no_local: bool,
        no_ack: bool,
        exclusive: bool,
        nowait: bool,
        arguments: Table,
    }

    /// Server: the consumer is there.
    ConsumeOk "consume-ok" = 21 {
        consumer_tag: ShortStr,
    }

    /// Client, or server to clients that can `consumer_cancel_notify`: ends a consumer. Answered with
    /// [`CancelOk`].
    Cancel "cancel" = 30 {
        consumer_tag: ShortStr,
        nowait: bool,
    }

    /// Either: the consumer has ended.
    CancelOk "cancel-ok" = 31 {
        consumer_tag: ShortStr,
    }

    /// Client: brings a message.
    Publish "publish" = 40 carries content {
        ticket: u16,
        exchange: ShortStr,
        routing_key: ShortStr,
        mandatory: bool,
        immediate: bool,
    }

    /// Server: a mandatory message went nowhere.
    Return "return" = 50 carries content {
        reply_code: u16,
        reply_text: ShortStr,
        exchange: ShortStr,
        routing_key: ShortStr,
    }

    /// Server: a message for a consumer.
    Deliver "deliver" = 60 carries content {
        consumer_tag: ShortStr,
        delivery_tag: u64,
        redelivered: bool,
        exchange: ShortStr,
        routing_key: ShortStr,
    }

    /// Client: asks for one message. Answered with [`GetOk`] or [`GetEmpty`].
    Get "get" = 70 {
        ticket: u16,
        queue: ShortStr,
        no_ack: bool,
    }

    /// Server: here it is, and so many are left.
    GetOk "get-ok" = 71 carries content {
        delivery_tag: u64,
        redelivered: bool,
        exchange: ShortStr,
        routing_key: ShortStr,
        message_count: u32,
    }

    /// Server: there is none.
    GetEmpty "get-empty" = 72 {
        cluster_id: ShortStr,
    }

    /// Client: it is done with messages; server: it has taken what was published.
    Ack "ack" = 80 {
        delivery_tag: u64,
        multiple: bool,
    }

    /// Client: it does not want a message.
    Reject "reject" = 90 {
        delivery_tag: u64,
        requeue: bool,
    }

    /// Client: what is unacknowledged goes back; nobody answers.
    RecoverAsync "recover-async" = 100 {
        requeue: bool,
    }

    /// Client: what is unacknowledged goes back. Answered with [`RecoverOk`].
    Recover "recover" = 110 {
        requeue: bool,
    }

    /// Server: it is back.
    RecoverOk "recover-ok" = 111 {}

    /// Client: it does not want messages; server: it could not take what was published.
    Nack "nack" = 120 {
        delivery_tag: u64,
        multiple: bool,
        requeue: bool,
    }
}
