//! Reading a struct.

use super::form;
use super::structs::default_value;
use crate::codegen::model::{Field, Message, Struct, Type};
use crate::codegen::versions::{Condition, Versions};

/// The body of a struct's `read`.
pub(crate) fn body(message: &Message, value: &Struct) -> String {
    let mut fields = String::new();
    for field in &value.fields {
        let text = if field.tag.is_some() {
            default_value(field)
        } else {
            let read = read_field(message, value, field, "reader");
            match field.versions.condition_in(value.versions) {
                Condition::When { holds, .. } => {
                    format!(
                        "if {holds} {{ {read} }} else {{ {} }}",
                        default_value(field)
                    )
                }
                _ => read,
            }
        };
        fields.push_str(&format!("{}: {text},\n", field.ident));
    }

    let tagged = tagged_fields(message, value);
    let tagged = match message.flexible_in(value) {
        Condition::Always => tagged,
        Condition::Never => String::new(),
        Condition::When { .. } => format!("if form == Form::Flexible {{\n{tagged}}}\n"),
    };
    if tagged.is_empty() {
        format!("Ok(Self {{\n{fields}}})\n")
    } else if value.fields.iter().any(|field| field.tag.is_some()) {
        format!("let mut value = Self {{\n{fields}}};\n{tagged}Ok(value)\n")
    } else {
        format!("let value = Self {{\n{fields}}};\n{tagged}Ok(value)\n")
    }
}

fn tagged_fields(message: &Message, value: &Struct) -> String {
    let mut arms = String::new();
    for field in &value.fields {
        let Some(tag) = field.tag else { continue };
        // Tagged fields exist in flexible versions only, so the question is asked among those.
        let context = value.versions.and(message.flexible);
        let guard = match field.versions.condition_in(context) {
            Condition::When { holds, .. } => format!(" if {holds}"),
            _ => String::new(),
        };
        let read = read_field(message, value, field, "field");
        arms.push_str(&format!(
            "{tag}{guard} => value.{} = {read},\n",
            field.ident
        ));
    }
    if arms.is_empty() {
        return "reader.skip_tagged_fields()?;\n".into();
    }
    format!(
        "reader.tagged_fields(|tag, field| {{
            match tag {{
                {arms}_ => return Ok(false),
            }}
            Ok(true)
        }})?;\n"
    )
}

fn read_field(message: &Message, value: &Struct, field: &Field, reader: &str) -> String {
    let form = match field {
        Field {
            always_classic: true,
            ..
        } => "Form::Classic",
        Field { tag: Some(_), .. } => "Form::Flexible",
        _ => form(message, value),
    };
    let plain = read(message, &field.kind, form, reader);
    let nullable = read_nullable(message, &field.kind, form, reader);
    match field.nullable.condition_in(field.versions) {
        Condition::Never => format!("{plain}?"),
        Condition::Always => format!("{nullable}?"),
        Condition::When { holds, .. } => {
            format!("if {holds} {{ {nullable}? }} else {{ Some({plain}?) }}")
        }
    }
}

/// An expression for the `Result` of reading a value that is not null.
fn read(message: &Message, kind: &Type, form: &str, reader: &str) -> String {
    match kind {
        Type::Bool => format!("{reader}.bool()"),
        Type::I8 => format!("{reader}.i8()"),
        Type::I16 => format!("{reader}.i16()"),
        Type::I32 => format!("{reader}.i32()"),
        Type::I64 => format!("{reader}.i64()"),
        Type::F64 => format!("{reader}.f64()"),
        Type::Uuid => format!("{reader}.uuid()"),
        Type::Str => format!("{reader}.string({form})"),
        Type::Blob => format!("{reader}.bytes({form})"),
        Type::Records => format!("{reader}.records({form})"),
        Type::Struct(name) => format!("{name}::read({reader}, version)"),
        Type::Array(element) => {
            format!(
                "{reader}.array({})",
                array_arguments(message, element, form)
            )
        }
    }
}

/// An expression for the `Result` of reading a value that may be null.
fn read_nullable(message: &Message, kind: &Type, form: &str, reader: &str) -> String {
    match kind {
        Type::Str => format!("{reader}.nullable_string({form})"),
        Type::Blob => format!("{reader}.nullable_bytes({form})"),
        Type::Records => format!("{reader}.nullable_records({form})"),
        Type::Struct(name) => {
            format!("{reader}.nullable_struct(|reader| {name}::read(reader, version))")
        }
        Type::Array(element) => {
            format!(
                "{reader}.nullable_array({})",
                array_arguments(message, element, form)
            )
        }
        // Numbers are never null; the text is not used for them.
        _ => read(message, kind, form, reader),
    }
}

fn array_arguments(message: &Message, element: &Type, form: &str) -> String {
    let min_bytes = match element {
        Type::Bool | Type::I8 => "1".into(),
        Type::I16 => "2".into(),
        Type::I32 => "4".into(),
        Type::I64 | Type::F64 => "8".into(),
        Type::Uuid => "16".into(),
        Type::Struct(name) => format!("{name}::min_bytes(version)"),
        Type::Str => format!("{form}.min_string_bytes()"),
        Type::Blob | Type::Records | Type::Array(_) => format!("{form}.min_length_bytes()"),
    };
    let read = match element {
        Type::Bool => "Reader::bool".into(),
        Type::I8 => "Reader::i8".into(),
        Type::I16 => "Reader::i16".into(),
        Type::I32 => "Reader::i32".into(),
        Type::I64 => "Reader::i64".into(),
        Type::F64 => "Reader::f64".into(),
        Type::Uuid => "Reader::uuid".into(),
        _ => format!("|reader| {}", read(message, element, form, "reader")),
    };
    format!("{form}, {min_bytes}, {read}")
}

/// The function that tells the fewest bytes a struct takes on the wire, by version.
pub(crate) fn min_bytes(message: &Message, value: &Struct) -> String {
    let mut steps: Vec<(Versions, usize)> = Vec::new();
    for version in value.versions.iter() {
        let bytes = message.min_struct_bytes(value, version);
        match steps.last_mut() {
            Some((versions, known)) if *known == bytes => versions.last = version,
            _ => steps.push((
                Versions {
                    first: version,
                    last: version,
                },
                bytes,
            )),
        }
    }
    let (version, body) = match steps.as_slice() {
        [(_, bytes)] => ("_", bytes.to_string()),
        [(first, bytes), middle @ .., (_, rest)] => {
            let mut arms = format!("..={} => {bytes},\n", first.last);
            for (Versions { first, last }, bytes) in middle {
                arms.push_str(&if first == last {
                    format!("{first} => {bytes},\n")
                } else {
                    format!("{first}..={last} => {bytes},\n")
                });
            }
            (
                "version",
                format!("match version {{ {arms}_ => {rest},\n}}"),
            )
        }
        [] => unreachable!("a struct that is in no version has been dropped"),
    };
    format!("const fn min_bytes({version}: i16) -> usize {{ {body} }}\n\n")
}
