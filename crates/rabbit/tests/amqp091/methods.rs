//! Every method: its fields, and those which the oracle does not show, with what it sends in their place.

macro_rules! for_each_method {
    ($call:ident) => {
        $call! {
            connection Connection Start { version_major version_minor server_properties mechanisms locales }
            connection Connection StartOk { client_properties mechanism response locale }
            connection Connection Secure { challenge }
            connection Connection SecureOk { response }
            connection Connection Tune { channel_max frame_max heartbeat }
            connection Connection TuneOk { channel_max frame_max heartbeat }
            connection Connection Open { virtual_host } + { capabilities insist }
            connection Connection OpenOk {} + { known_hosts }
            connection Connection Close { reply_code reply_text class_id method_id }
            connection Connection CloseOk {}
            connection Connection Blocked { reason }
            connection Connection Unblocked {}
            connection Connection UpdateSecret { new_secret reason }
            connection Connection UpdateSecretOk {}
            channel Channel Open {} + { out_of_band }
            channel Channel OpenOk {} + { channel_id }
            channel Channel Flow { active }
            channel Channel FlowOk { active }
            channel Channel Close { reply_code reply_text class_id method_id }
            channel Channel CloseOk {}
            access Access Request { realm exclusive passive active write read }
            access Access RequestOk {} + { ticket }
            exchange Exchange Declare {
                exchange kind passive durable auto_delete internal nowait arguments
            } + { ticket }
            exchange Exchange DeclareOk {}
            exchange Exchange Delete { exchange if_unused nowait } + { ticket }
            exchange Exchange DeleteOk {}
            exchange Exchange Bind { destination source routing_key nowait arguments } + { ticket }
            exchange Exchange BindOk {}
            exchange Exchange Unbind { destination source routing_key nowait arguments } + { ticket }
            exchange Exchange UnbindOk {}
            queue Queue Declare {
                queue passive durable exclusive auto_delete nowait arguments
            } + { ticket }
            queue Queue DeclareOk { queue message_count consumer_count }
            queue Queue Bind { queue exchange routing_key nowait arguments } + { ticket }
            queue Queue BindOk {}
            queue Queue Purge { queue nowait } + { ticket }
            queue Queue PurgeOk { message_count }
            queue Queue Delete { queue if_unused if_empty nowait } + { ticket }
            queue Queue DeleteOk { message_count }
            queue Queue Unbind { queue exchange routing_key arguments } + { ticket }
            queue Queue UnbindOk {}
            basic Basic Qos { prefetch_count global } + { prefetch_size }
            basic Basic QosOk {}
            basic Basic Consume {
                queue consumer_tag no_local no_ack exclusive nowait arguments
            } + { ticket }
            basic Basic ConsumeOk { consumer_tag }
            basic Basic Cancel { consumer_tag nowait }
            basic Basic CancelOk { consumer_tag }
            basic Basic Publish { exchange routing_key mandatory immediate } + { ticket }
            basic Basic Return { reply_code reply_text exchange routing_key }
            basic Basic Deliver { consumer_tag delivery_tag redelivered exchange routing_key }
            basic Basic Get { queue no_ack } + { ticket }
            basic Basic GetOk { delivery_tag redelivered exchange routing_key message_count }
            basic Basic GetEmpty {} + { cluster_id }
            basic Basic Ack { delivery_tag multiple }
            basic Basic Reject { delivery_tag requeue }
            basic Basic RecoverAsync { requeue }
            basic Basic Recover { requeue }
            basic Basic RecoverOk {}
            basic Basic Nack { delivery_tag multiple requeue }
            confirm Confirm Select { nowait }
            confirm Confirm SelectOk {}
            tx Tx Select {}
            tx Tx SelectOk {}
            tx Tx Commit {}
            tx Tx CommitOk {}
            tx Tx Rollback {}
            tx Tx RollbackOk {}
        }
    };
}

pub(crate) use for_each_method;
