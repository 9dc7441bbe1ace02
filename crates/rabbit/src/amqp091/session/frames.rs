//! From frames to methods; and what closes channels and connections.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use super::channel::Channel;
use super::errors::Refusal;
use super::{Phase, Session};
use crate::amqp091::assembler::{AssemblyError, Command};
use crate::amqp091::frame::{Frame, FrameType, write_method};
use crate::amqp091::method::{Encode, Method, MethodId, basic, channel, connection};
use crate::limits;
use forebay_broker::queue::PoolId;

/// A method that is not carried out, and why.
struct Refused {
    channel: u16,
    method: MethodId,
    refusal: Refusal,
}

/// A method that asks the broker, and waits for it.
struct Asked {
    channel: u16,
    method: Method,
}

impl Session<'_> {
    /// Handles the frames that have arrived.
    pub(super) async fn handle_input(&mut self) {
        if !self.input.is_empty() {
            self.now_ms = self.shared.broker.now().wall_ms;
        }
        loop {
            self.publish_whole();
            if !self.may_handle() || matches!(self.phase, Phase::Over) {
                break;
            }
            let frame = match self.frames.decode(&mut self.input) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    // Where the next frame would begin nobody knows.
                    self.input.clear();
                    if !matches!(self.phase, Phase::Open) {
                        self.phase = Phase::Over;
                    }
                    self.close_connection(MethodId::default(), error.into());
                    break;
                }
            };
            if let Err(refused) = self.handle_frame(frame).await {
                self.refuse(refused.channel, refused.method, refused.refusal);
            }
        }
        if self.input.is_empty() && self.input.capacity() > 2 * self.read_bytes {
            self.input = BytesMut::new();
        }
        self.input.reserve(self.read_bytes);
    }

    async fn handle_frame(&mut self, frame: Frame) -> Result<(), Refused> {
        let Some(Asked { channel, method }) = self.take_frame(frame)? else {
            return Ok(());
        };
        // The broker is to have all that came before.
        self.hand_over();
        let id = method.id();
        let done = Box::pin(self.command(channel, method)).await;
        self.now_ms = self.shared.broker.now().wall_ms;
        done.map_err(|refusal| Refused {
            channel,
            method: id,
            refusal,
        })
    }

    /// Handles a frame that the broker need not be waited for; the method of another is returned.
    fn take_frame(&mut self, frame: Frame) -> Result<Option<Asked>, Refused> {
        if frame.kind == FrameType::Heartbeat {
            return Ok(None);
        }
        let number = frame.channel;
        if number == 0 || !matches!(self.phase, Phase::Open) {
            return self.take_connection_frame(&frame);
        }
        let refused = |method, refusal| Refused {
            channel: number,
            method,
            refusal,
        };
        let Some(channel) = self.channels.get_mut(&number) else {
            return self
                .take_unopened(&frame)
                .map_err(|(method, refusal)| refused(method, refusal));
        };
        if channel.closing {
            self.take_closing(&frame);
            return Ok(None);
        }
        let is_body = frame.kind == FrameType::Body;
        if is_body {
            channel.assembling_bytes += frame.payload.len();
        }
        let Command { method, content } = match channel.assembler.accept(frame) {
            Ok(Some(command)) => command,
            Ok(None) if !is_body => return Ok(None),
            Ok(None) => {
                let checked = self.check_assembling();
                return checked.map_err(|refusal| refused(basic::Publish::ID, refusal));
            }
            Err(AssemblyError { fault, method }) => {
                return Err(refused(method, Refusal::new(fault.reply_code(), fault)));
            }
        };
        channel.assembling_bytes = 0;
        let id = method.id();
        let done = match method {
            Method::Basic(basic::Method::Publish(publish)) => {
                self.publish(number, publish, content.unwrap_or_default())
            }
            Method::Basic(basic::Method::Ack(ack)) => self.ack(number, &ack),
            Method::Basic(basic::Method::Nack(nack)) => self.nack(number, &nack),
            Method::Basic(basic::Method::Reject(reject)) => self.reject(number, &reject),
            method => {
                return Ok(Some(Asked {
                    channel: number,
                    method,
                }));
            }
        };
        done.map(|()| None).map_err(|refusal| refused(id, refusal))
    }

    /// Bodies that are on their way in are bounded over all channels.
    fn check_assembling(&self) -> Result<Option<Asked>, Refusal> {
        let channels = self.channels.values();
        let held: usize = channels.map(|channel| channel.assembling_bytes).sum();
        if held > limits::ASSEMBLY_BYTES_MAX {
            return Err(Refusal::precondition(
                "too many messages that are not complete",
            ));
        }
        Ok(None)
    }

    fn take_connection_frame(&mut self, frame: &Frame) -> Result<Option<Asked>, Refused> {
        let is_open = matches!(self.phase, Phase::Open);
        let refused = |method, refusal| Refused {
            channel: 0,
            method,
            refusal,
        };
        if frame.kind != FrameType::Method || frame.channel != 0 {
            if !is_open {
                return Ok(None);
            }
            let refusal =
                Refusal::unexpected_frame("expected method frame, got non method frame instead");
            return Err(refused(MethodId::default(), refusal));
        }
        let id = MethodId::peek(&frame.payload).unwrap_or_default();
        match Method::decode(&frame.payload) {
            Ok(Method::Connection(connection::Method::CloseOk(_))) if !is_open => {
                self.phase = Phase::Over;
                Ok(None)
            }
            Ok(method @ Method::Connection(connection::Method::Close(_))) => {
                Ok(Some(Asked { channel: 0, method }))
            }
            _ if !is_open => Ok(None),
            Ok(method @ Method::Connection(_)) => Ok(Some(Asked { channel: 0, method })),
            Ok(method) => {
                let name = method.name();
                let text = format!("unexpected method {name} on channel 0");
                Err(refused(id, Refusal::command_invalid(text)))
            }
            Err(error) => Err(refused(id, error.into())),
        }
    }

    fn take_unopened(&mut self, frame: &Frame) -> Result<Option<Asked>, (MethodId, Refusal)> {
        let number = frame.channel;
        let id = match frame.kind {
            FrameType::Method => MethodId::peek(&frame.payload).unwrap_or_default(),
            _ => MethodId::default(),
        };
        match id {
            channel::Open::ID if number > self.agreed.channel_max => {
                let most = self.agreed.channel_max;
                let text = format!(
                    "number of channels opened ({number}) has reached the negotiated channel_max ({most})"
                );
                Err((id, Refusal::not_allowed(text)))
            }
            channel::Open::ID => {
                let seat = self.seat_of_channel().map_err(|refusal| (id, refusal))?;
                self.incarnations += 1;
                let pool = PoolId(self.shared.broker.next_id());
                let limit = self.shared.options.message_bytes_max;
                let entry = self.registration.opened(number);
                let channel = Channel::new(self.incarnations, pool, limit, entry, Some(seat));
                self.channels.insert(number, channel);
                self.shared.metrics.channels.more();
                write_method(&mut self.output, number, &channel::OpenOk::default());
                Ok(None)
            }
            // The answer to a close that crossed with another.
            channel::CloseOk::ID => Ok(None),
            _ => {
                let code = crate::amqp091::ReplyCode::ChannelError;
                Err((id, Refusal::new(code, "expected 'channel.open'")))
            }
        }
    }

    /// A channel that was told to close.
    fn take_closing(&mut self, frame: &Frame) {
        let number = frame.channel;
        if frame.kind != FrameType::Method {
            return;
        }
        match MethodId::peek(&frame.payload).unwrap_or_default() {
            channel::CloseOk::ID => {}
            // Both sides close.
            channel::Close::ID => write_method(&mut self.output, number, &channel::CloseOk {}),
            _ => return,
        }
        self.channels.remove(&number);
        self.registration.closed(number);
        self.shared.metrics.channels.fewer(1);
    }

    /// Closes what a refusal closes.
    pub(super) fn refuse(&mut self, number: u16, method: MethodId, refusal: Refusal) {
        if number == 0 || refusal.code.is_hard() || !self.channels.contains_key(&number) {
            self.close_connection(method, refusal);
        } else {
            self.close_channel(number, method, refusal);
        }
    }

    /// Tells the client to close the connection.
    pub(super) fn close_connection(&mut self, method: MethodId, refusal: Refusal) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.hand_over();
        let numbers: Vec<_> = self.channels.keys().copied().collect();
        for number in numbers {
            drop(self.let_go(number));
        }
        write_method(&mut self.output, 0, &refusal.connection_close(method));
        self.phase = Phase::Closing {
            until: Instant::now() + limits::CLOSE_TIMEOUT,
            why: refusal,
        };
    }

    /// Tells the client to close a channel.
    fn close_channel(&mut self, number: u16, method: MethodId, refusal: Refusal) {
        self.hand_over();
        drop(self.let_go(number));
        if let Some(channel) = self.channels.get_mut(&number) {
            channel.closing = true;
        }
        tracing::debug!(channel = number, reason = %refusal.text, "channel closed");
        let close = channel::Close {
            reply_code: refusal.code.into(),
            reply_text: refusal.text,
            class_id: method.class,
            method_id: method.method,
        };
        write_method(&mut self.output, number, &close);
    }

    /// Ends the consumers of a channel, and gives back what it holds. The broker is told when this returns;
    /// who wants to know that it is done waits.
    pub(super) fn let_go(&mut self, number: u16) -> impl Future<Output = ()> + Send + use<> {
        let empty = Channel::new(0, PoolId(0), 0, Arc::default(), None);
        let fresh = match self.channels.get_mut(&number) {
            Some(channel) => {
                let incarnation = channel.incarnation;
                channel.entry.let_go();
                let fresh = Channel {
                    incarnation,
                    entry: Arc::clone(&channel.entry),
                    pool: channel.pool,
                    closing: channel.closing,
                    seat: channel.seat.take(),
                    ..empty
                };
                std::mem::replace(channel, fresh)
            }
            None => empty,
        };
        for holders in fresh.streams.values() {
            self.end_streams(holders);
        }
        for holder in fresh.consumers.values() {
            self.consumers.remove(holder);
        }
        self.shared.metrics.consumers.fewer(fresh.consumers.len());
        let released = self
            .shared
            .broker
            .release(fresh.holders(), vec![fresh.pool]);
        async move { drop(released.await) }
    }
}
