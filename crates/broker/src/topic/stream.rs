//! Topics that were declared as streams. Clients of Kafka know topics by one name, and by few characters; clients of
//! AMQP know a queue by any name, in a virtual host. Both names are kept, so that neither is ever made of the other
//! again; and kept where they are one name, too, because what is meant for queues is meant for what was declared as one.

use bytes::Bytes;

use crate::host::VirtualHostId;
use crate::names::{NameError, TopicName};

/// What stands where a topic cannot have a character.
const OTHERWISE: char = '_';

/// What a topic is called among the queues that was declared as one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamName {
    /// The virtual host that it is in.
    pub virtual_host: VirtualHostId,
    /// The queue that it is there.
    pub queue: Bytes,
}

/// As what a topic is made that is to be a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeAs {
    /// As a queue, which it stays known as.
    Stream,
    /// As a topic, if it can have the name by itself.
    Topic,
}

impl StreamName {
    /// The name of the topic that is to be made of it, in a virtual host of this name: in the default one its own,
    /// in another one with that before it. Of the slash that names of virtual hosts like to begin with nothing
    /// is left; what else topics cannot be called is replaced.
    pub(crate) fn topic(&self, virtual_host: &str) -> Result<TopicName, NameError> {
        let queue = String::from_utf8_lossy(&self.queue);
        let wanted = match self.virtual_host {
            VirtualHostId::DEFAULT => queue.into_owned(),
            _ => {
                let place = virtual_host.strip_prefix('/').unwrap_or(virtual_host);
                format!("{place}.{queue}")
            }
        };
        let legal = |c: char| match TopicName::has(c) {
            true => c,
            false => OTHERWISE,
        };
        TopicName::new(&wanted.chars().map(legal).collect::<String>())
    }

    /// Whether that topic has this name by itself.
    pub(crate) fn is_own_name_of(&self, topic: &TopicName) -> bool {
        let own = topic.as_str().as_bytes();
        self.virtual_host == VirtualHostId::DEFAULT && *self.queue == *own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(virtual_host: &str, queue: &str) -> Result<String, NameError> {
        let stream = StreamName {
            virtual_host: VirtualHostId(u64::from(virtual_host != "/")),
            queue: Bytes::copy_from_slice(queue.as_bytes()),
        };
        let topic = stream.topic(virtual_host)?;
        Ok(topic.to_string())
    }

    #[test]
    fn a_topic_is_named_after_the_virtual_host_and_the_queue() {
        for (virtual_host, queue, named) in [
            ("/", "orders", "orders"),
            ("/", "orders:v1", "orders_v1"),
            ("shop", "orders", "shop.orders"),
            ("/shop", "orders", "shop.orders"),
            ("//shop", "orders", "_shop.orders"),
            ("shop/eu", "a b", "shop_eu.a_b"),
            ("größe", "æ", "gr__e._"),
        ] {
            assert_eq!(topic(virtual_host, queue).as_deref(), Ok(named));
        }
    }

    #[test]
    fn names_that_no_topic_can_have_are_refused() {
        let fits = "q".repeat(244);
        assert_eq!(topic("shop", &fits).unwrap().len(), 249);
        let too_long = NameError::TooLong {
            length: 250,
            limit: 249,
        };
        assert_eq!(topic("shop", &format!("{fits}q")), Err(too_long));
        assert_eq!(topic("/", ".."), Err(NameError::Reserved("..".to_owned())));
    }
}
