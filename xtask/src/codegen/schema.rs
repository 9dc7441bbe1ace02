//! A message's schema, as its JSON says it. An attribute that is not known here is an error: it
//! might change what goes over the wire.

use serde::Deserialize;
use serde_json::Value;

use super::versions::Versions;

/// One JSON file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Schema {
    pub api_key: Option<i16>,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub name: String,
    pub valid_versions: Versions,
    pub flexible_versions: Versions,
    #[serde(default)]
    pub latest_version_unstable: bool,
    /// Which of Kafka's listeners take the request.
    #[serde(rename = "listeners")]
    pub _listeners: Option<Vec<String>>,
    pub fields: Vec<Field>,
    /// Structs that several fields share.
    #[serde(default)]
    pub common_structs: Vec<CommonStruct>,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Request,
    Response,
    Header,
    Data,
}

/// A struct that is not defined in place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CommonStruct {
    pub name: String,
    pub versions: Versions,
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub versions: Versions,
    pub nullable_versions: Option<Versions>,
    pub tagged_versions: Option<Versions>,
    pub tag: Option<u32>,
    /// Overrides the message's own, for lengths alone.
    pub flexible_versions: Option<Versions>,
    pub default: Option<Value>,
    #[serde(default)]
    pub ignorable: bool,
    pub about: Option<String>,
    /// The fields of the struct that the type names, if it is defined here.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Whether Kafka keeps the elements in a hash table by this field.
    #[serde(rename = "mapKey")]
    pub _map_key: Option<bool>,
    /// What a string or number stands for.
    #[serde(rename = "entityType")]
    pub _entity_type: Option<String>,
    /// Whether Kafka avoids copying it; we always do.
    #[serde(rename = "zeroCopy")]
    pub _zero_copy: Option<bool>,
}
