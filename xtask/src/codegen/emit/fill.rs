//! Test support: a way to make up a message of every kind, a file each, and a way to visit every kind.

use super::{header, mentions, type_of};
use crate::codegen::model::{Field, Message, Struct, Type};
use crate::codegen::versions::Condition;

/// The test support of one message.
pub(crate) fn fill(message: &Message) -> String {
    let mut text = header(&format!("Made-up {}.", message.name));
    text.push_str(
        "use forebay_kafka::protocol::generated::*;\n\nuse crate::source::{Fill, Source};\n\n",
    );
    for value in &message.structs {
        text.push_str(&fill_struct(message, value));
    }
    text
}

/// What holds the files of all of them together.
pub(crate) fn fill_module(messages: &[Message]) -> String {
    let mut text = header("Made-up messages of every kind.");
    for message in messages {
        text.push_str(&format!("mod {};\n", message.module));
    }
    text.push_str("\n/// Calls the macro with the type of every message.\n");
    text.push_str("macro_rules! for_each_message {\n($visit:ident) => {\n");
    for message in messages {
        text.push_str(&format!("$visit!({});\n", message.name));
    }
    text.push_str("};\n}\npub(crate) use for_each_message;\n");
    text
}

fn fill_struct(message: &Message, value: &Struct) -> String {
    let mut fields = String::new();
    for field in &value.fields {
        let made_up = make_up_field(message, field);
        let text = match field.versions.condition_in(value.versions) {
            Condition::When { holds, .. } => {
                format!(
                    "if {holds} {{ {made_up} }} else {{ default.{} }}",
                    field.ident
                )
            }
            _ => made_up,
        };
        fields.push_str(&format!("{}: {text},\n", field.ident));
    }
    let default = if fields.contains("default.") {
        "let default = Self::default();\n"
    } else {
        ""
    };
    let root = value.name == message.name;
    let module = if root {
        String::new()
    } else {
        format!("{}::", message.module)
    };
    let version = if mentions(&fields, "version") {
        "version"
    } else {
        "_"
    };
    format!(
        "impl Fill for {module}{} {{
            fn fill(source: &mut Source, {version}: i16) -> Self {{
                {default}Self {{ {fields} }}
            }}
        }}\n\n",
        type_of(value, "'static")
    )
}

fn make_up_field(message: &Message, field: &Field) -> String {
    let plain = make_up(message, &field.kind);
    let nullable = format!("source.nullable(|source| {plain})");
    match field.nullable.condition_in(field.versions) {
        Condition::Never => plain,
        Condition::Always => nullable,
        Condition::When { holds, .. } => {
            format!("if {holds} {{ {nullable} }} else {{ Some({plain}) }}")
        }
    }
}

fn make_up(message: &Message, kind: &Type) -> String {
    match kind {
        Type::Bool => "source.bool()".into(),
        Type::I8 => "source.i8()".into(),
        Type::I16 => "source.i16()".into(),
        Type::I32 => "source.i32()".into(),
        Type::I64 => "source.i64()".into(),
        Type::F64 => "source.f64()".into(),
        Type::Uuid => "source.uuid()".into(),
        Type::Str => "source.string()".into(),
        Type::Blob => "source.blob()".into(),
        Type::Records => "source.records()".into(),
        Type::Struct(name) => format!("{}::{name}::fill(source, version)", message.module),
        Type::Array(element) => format!("source.array(|source| {})", make_up(message, element)),
    }
}
