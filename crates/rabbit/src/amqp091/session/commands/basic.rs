//! Class basic: which file what is in, and quality of service.

use super::{Done, not_for_us};
use crate::amqp091::method::basic::{Method, Qos, QosOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::errors::Refusal;

impl Session<'_> {
    pub(super) async fn basic(&mut self, number: u16, method: Method) -> Done {
        match method {
            Method::Qos(qos) => self.qos(number, &qos).await,
            Method::Consume(consume) => self.consume(number, &consume).await,
            Method::Cancel(cancel) => self.cancel(number, &cancel).await,
            // The answer to a cancel of ours, which does not wait for it.
            Method::CancelOk(_) => Ok(()),
            Method::Get(get) => self.get(number, &get).await,
            Method::Recover(recover) => self.recover(number, recover.requeue, true).await,
            Method::RecoverAsync(recover) => self.recover(number, recover.requeue, false).await,
            method => Err(not_for_us(&method)),
        }
    }

    async fn qos(&mut self, number: u16, qos: &Qos) -> Done {
        if qos.prefetch_size > 0 {
            return Err(Refusal::not_implemented(format_args!(
                "prefetch_size!=0 ({})",
                qos.prefetch_size
            )));
        }
        let channel = self.channel(number)?;
        if qos.global {
            let limit = (qos.prefetch_count > 0).then(|| qos.prefetch_count.into());
            channel.shared_prefetch = qos.prefetch_count;
            let pool = channel.pool;
            channel.entry.global_prefetch.set(qos.prefetch_count.into());
            let set = self.shared.broker.set_pool(pool, limit).await;
            set.map_err(|error| self.named_queue(b"").refusal(error))?;
        } else {
            channel.prefetch = qos.prefetch_count;
            channel.entry.prefetch.set(qos.prefetch_count.into());
        }
        self.answer(number, false, &QosOk {});
        Ok(())
    }
}
