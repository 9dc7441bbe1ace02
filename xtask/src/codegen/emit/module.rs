//! The list of the generated modules.

use super::header;
use crate::codegen::model::Message;

/// The file of the module.
pub(crate) fn module(messages: &[Message]) -> String {
    let mut text = header(
        "Kafka's messages, one module each: the message and the structs in it, which may have \
         the same names as those of another message.",
    );
    let mut modules: Vec<_> = messages
        .iter()
        .map(|message| (message.module.as_str(), message.name.as_str()))
        .collect();
    modules.push(("api_key", "ApiKey"));
    modules.sort_unstable();
    for (module, _) in &modules {
        let public = if *module == "api_key" { "" } else { "pub " };
        text.push_str(&format!("{public}mod {module};\n"));
    }
    text.push('\n');
    for (module, name) in &modules {
        text.push_str(&format!("pub use self::{module}::{name};\n"));
    }
    text
}
