//! Class 20.

use bytes::Bytes;

use crate::amqp091::ShortStr;

class! {
    Channel "channel" = 20

    /// Client: opens the channel. Answered with [`OpenOk`].
    Open "open" = 10 {
        out_of_band: ShortStr,
    }

    /// Server: the channel is open.
    OpenOk "open-ok" = 11 {
        channel_id: Bytes,
    }

    /// Either: pauses or resumes content. Answered with [`FlowOk`].
    Flow "flow" = 20 {
        active: bool,
    }

    /// Either: content is paused or resumed.
    FlowOk "flow-ok" = 21 {
        active: bool,
    }

    /// Either: ends the channel. Answered with [`CloseOk`].
    Close "close" = 40 {
        reply_code: u16,
        reply_text: ShortStr,
        class_id: u16,
        method_id: u16,
    }

    /// Either: the channel has ended.
    CloseOk "close-ok" = 41 {}
}
