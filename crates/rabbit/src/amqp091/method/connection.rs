//! Class 10.

use bytes::Bytes;

use crate::amqp091::ShortStr;
use crate::amqp091::table::Table;

class! {
    Connection "connection" = 10

    /// Server: who it is, and how one may log in. Answered with [`StartOk`].
    Start "start" = 10 {
        version_major: u8,
        version_minor: u8,
        server_properties: Table,
        mechanisms: Bytes,
        locales: Bytes,
    }

    /// Client: who it is, and its credentials.
    StartOk "start-ok" = 11 {
        client_properties: Table,
        mechanism: ShortStr,
        response: Bytes,
        locale: ShortStr,
    }

    /// Server: the mechanism wants more. Answered with [`SecureOk`].
    Secure "secure" = 20 {
        challenge: Bytes,
    }

    /// Client: what the mechanism wants.
    SecureOk "secure-ok" = 21 {
        response: Bytes,
    }

    /// Server: proposes limits; the heartbeat is in seconds. Answered with [`TuneOk`].
    Tune "tune" = 30 {
        channel_max: u16,
        frame_max: u32,
        heartbeat: u16,
    }

    /// Client: the limits that hold; zero for none.
    TuneOk "tune-ok" = 31 {
        channel_max: u16,
        frame_max: u32,
        heartbeat: u16,
    }

    /// Client: chooses a virtual host. Answered with [`OpenOk`].
    Open "open" = 40 {
        virtual_host: ShortStr,
        capabilities: ShortStr,
        insist: bool,
    }

    /// Server: the connection is ready.
    OpenOk "open-ok" = 41 {
        known_hosts: ShortStr,
    }

    /// Either: ends the connection. Answered with [`CloseOk`].
    Close "close" = 50 {
        reply_code: u16,
        reply_text: ShortStr,
        class_id: u16,
        method_id: u16,
    }

    /// Either: the connection has ended.
    CloseOk "close-ok" = 51 {}

    /// Server, to clients that can `connection.blocked`: publishers are not read from.
    Blocked "blocked" = 60 {
        reason: ShortStr,
    }

    /// Server: publishers are read from again.
    Unblocked "unblocked" = 61 {}

    /// Client: new credentials before the old ones expire. Answered with [`UpdateSecretOk`].
    UpdateSecret "update-secret" = 70 {
        new_secret: Bytes,
        reason: ShortStr,
    }

    /// Server: the new credentials hold.
    UpdateSecretOk "update-secret-ok" = 71 {}
}
