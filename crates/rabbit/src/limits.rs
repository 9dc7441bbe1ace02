//! Every bound of the gateway, with its reason.

/// The smallest `frame_max` that a peer must accept (AMQP 0-9-1 §4.2.3). RabbitMQ asks for 8192 since
/// 4.1, and so turns away older versions of amqplib, which propose this.
pub const FRAME_BYTES_MIN: u32 = 4096;
/// Default of the `frame_max` that is proposed (RabbitMQ: `frame_max`). What arrives is held until its
/// frame is whole, so this is also what a connection may cost before anything is done for it.
pub const FRAME_BYTES_MAX: u32 = 128 << 10;
/// The largest frame before tuning (RabbitMQ: `initial_frame_max`): nobody has logged in yet, and the only
/// large thing that may come is an access token.
pub const FRAME_BYTES_BEFORE_TUNE: u32 = 8 << 10;
/// How deep tables and arrays may be nested: reading them recurses. What brokers and clients themselves
/// write (`x-death`, client capabilities) is three deep.
pub const TABLE_DEPTH_MAX: usize = 32;
