//! The structs and their defaults.

use super::{field_type, type_of};
use crate::codegen::model::{Default, Field, Message, Struct, Type};
use crate::codegen::names::doc;
use crate::codegen::versions::Versions;

/// The struct with its documentation.
pub(crate) fn definition(message: &Message, value: &Struct) -> String {
    let mut text = String::new();
    match &value.about {
        Some(about) => text.push_str(&doc("///", about)),
        None => text.push_str(&format!(
            "/// {}, versions {}.\n",
            value.name, message.versions
        )),
    }
    if value.name == message.name {
        for note in &message.notes {
            text.push_str("///\n");
            text.push_str(&doc("///", note));
        }
    }
    let derived_default = if has_derived_default(value) {
        ", Default"
    } else {
        ""
    };
    text.push_str(&format!(
        "#[derive(Clone, Debug{derived_default}, PartialEq)]\n"
    ));
    text.push_str(&format!("pub struct {} {{\n", type_of(value, "'a")));
    for field in &value.fields {
        text.push_str(&doc("///", &field.about));
        if let Some(range) = range(field.versions, value.versions) {
            text.push_str(&format!("///\n/// {range}\n"));
        }
        text.push_str(&format!(
            "pub {}: {},\n",
            field.ident,
            field_type(message, field, "'a")
        ));
    }
    text.push_str("}\n\n");
    text
}

/// The versions of a field, if its struct has others too.
fn range(field: Versions, context: Versions) -> Option<String> {
    if field == context {
        None
    } else if field.last == context.last {
        Some(format!("From version {} on.", field.first))
    } else if field.first == context.first {
        Some(format!("Up to version {}.", field.last))
    } else if field.first == field.last {
        Some(format!("Version {} only.", field.first))
    } else {
        Some(format!("Versions {} to {}.", field.first, field.last))
    }
}

/// The `Default` impl, where it cannot be derived.
pub(crate) fn default(value: &Struct) -> String {
    if has_derived_default(value) {
        return String::new();
    }
    let mut text = format!(
        "impl Default for {} {{\nfn default() -> Self {{\n",
        type_of(value, "'_")
    );
    text.push_str("Self {\n");
    for field in &value.fields {
        text.push_str(&format!("{}: {},\n", field.ident, default_value(field)));
    }
    text.push_str("}\n}\n}\n\n");
    text
}

fn has_derived_default(value: &Struct) -> bool {
    value.fields.iter().all(|field| match field.default {
        Default::Zero => field.nullable.is_empty(),
        Default::Null => true,
        _ => false,
    })
}

/// The expression for a field's default value.
pub(crate) fn default_value(field: &Field) -> String {
    let plain = match (&field.default, &field.kind) {
        (Default::Null, _) => return "None".into(),
        (Default::True, _) => "true".into(),
        (Default::Int(int), kind) => int_literal(*int, kind),
        (Default::Text(text), _) => format!("{text:?}.into()"),
        (Default::Zero, Type::Bool) => "false".into(),
        (Default::Zero, Type::I8 | Type::I16 | Type::I32 | Type::I64) => "0".into(),
        (Default::Zero, Type::F64) => "0.0".into(),
        (Default::Zero, Type::Uuid) => "Uuid::nil()".into(),
        (Default::Zero, Type::Str) => "Str::default()".into(),
        (Default::Zero, Type::Blob) => "Blob::default()".into(),
        (Default::Zero, Type::Records) => "Records::default()".into(),
        (Default::Zero, Type::Array(_)) => "Vec::new()".into(),
        (Default::Zero, Type::Struct(name)) => format!("{name}::default()"),
    };
    if field.nullable.is_empty() {
        plain
    } else {
        format!("Some({plain})")
    }
}

/// The expression that is true if a field does not have its default value.
pub(crate) fn differs_from_default(field: &Field) -> String {
    let this = format!("self.{}", field.ident);
    match (&field.default, &field.kind) {
        (Default::Null, _) => format!("{this}.is_some()"),
        (Default::Zero, _) if !field.nullable.is_empty() => {
            format!("{this}.as_ref().is_none_or(|value| !value.is_empty())")
        }
        (Default::True, _) => format!("!{this}"),
        (Default::Zero, Type::Bool) => this,
        (Default::Zero, Type::Uuid) => format!("!{this}.is_nil()"),
        (Default::Zero, Type::Str | Type::Blob | Type::Records | Type::Array(_)) => {
            format!("!{this}.is_empty()")
        }
        _ => format!("{this} != {}", default_value(field)),
    }
}

fn int_literal(int: i64, kind: &Type) -> String {
    let (name, min, max) = match kind {
        Type::I8 => ("i8", i8::MIN.into(), i8::MAX.into()),
        Type::I16 => ("i16", i16::MIN.into(), i16::MAX.into()),
        Type::I32 => ("i32", i32::MIN.into(), i32::MAX.into()),
        _ => ("i64", i64::MIN, i64::MAX),
    };
    if int == min {
        format!("{name}::MIN")
    } else if int == max {
        format!("{name}::MAX")
    } else {
        int.to_string()
    }
}
