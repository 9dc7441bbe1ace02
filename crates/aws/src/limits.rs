//! Every bound of the gateway, with its reason.

/// Parameters of one request of the query protocol. The largest sends ten messages with ten attributes of three each.
pub const PARAMETERS_MAX: usize = 4_096;
/// Parts of a parameter's name: `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue` has six.
pub const PARAMETER_DEPTH_MAX: usize = 8;
