//! Writing a struct.

use super::form;
use super::structs::differs_from_default;
use crate::codegen::model::{Field, Message, Struct, Type};
use crate::codegen::versions::Condition;

/// The body of a struct's `write`.
pub(crate) fn body(message: &Message, value: &Struct) -> String {
    let mut text = String::new();
    for field in value.fields.iter().filter(|field| field.tag.is_none()) {
        let write = write_field(value, field, form(message, value));
        match field.versions.condition_in(value.versions) {
            Condition::When { holds, .. } => {
                text.push_str(&format!("if {holds} {{\n{write}}}"));
                if !field.ignorable {
                    let differs = differs_from_default(field);
                    text.push_str(&format!(
                        " else if {differs} {{ {} }}",
                        unsupported(value, field)
                    ));
                }
                text.push('\n');
            }
            _ => text.push_str(&write),
        }
    }
    text.push_str(&tagged_fields(message, value));
    text.push_str("Ok(())\n");
    text
}

fn tagged_fields(message: &Message, value: &Struct) -> String {
    let mut fields: Vec<(u32, &Field)> = value
        .fields
        .iter()
        .filter_map(|field| Some((field.tag?, field)))
        .collect();
    // Kafka demands them in ascending order.
    fields.sort_by_key(|&(tag, _)| tag);

    let mut unsupported_text = String::new();
    let mut text = String::new();
    let mut counts = Vec::new();
    let mut writes = String::new();
    for (tag, field) in fields {
        let differs = differs_from_default(field);
        if let Condition::When { fails, .. } = field.versions.condition_in(value.versions)
            && !field.ignorable
        {
            let error = unsupported(value, field);
            unsupported_text.push_str(&format!("if {fails} && {differs} {{ {error} }}\n"));
        }
        let context = value.versions.and(message.flexible);
        let present = match field.versions.condition_in(context) {
            Condition::When { holds, .. } => format!("{holds} && {differs}"),
            _ => differs,
        };
        let flag = format!("has_{}", field.ident.trim_start_matches("r#"));
        text.push_str(&format!("let {flag} = {present};\n"));
        let write = write_field(value, field, "Form::Flexible");
        writes.push_str(&format!(
            "if {flag} {{ writer.tagged_field({tag}, |writer| {{ {write} Ok(()) }})?; }}\n"
        ));
        counts.push(format!("u32::from({flag})"));
    }
    let count = if counts.is_empty() {
        "0".into()
    } else {
        counts.join(" + ")
    };
    text.push_str(&format!("writer.unsigned_varint({count});\n{writes}"));
    match message.flexible_in(value) {
        Condition::Always => unsupported_text + &text,
        Condition::Never => unsupported_text,
        Condition::When { .. } => {
            format!("{unsupported_text}if form == Form::Flexible {{\n{text}}}\n")
        }
    }
}

/// The statement that gives up on a field.
fn unsupported(value: &Struct, field: &Field) -> String {
    let name = format!("{}.{}", value.name, field.name);
    format!("return Err(EncodeError::UnsupportedField {{ field: {name:?}, version }});")
}

fn write_field(value: &Struct, field: &Field, form: &str) -> String {
    let form = if field.always_classic {
        "Form::Classic"
    } else {
        form
    };
    let this = format!("self.{}", field.ident);
    let option = match field.kind {
        Type::Str | Type::Array(_) => format!("{this}.as_deref()"),
        _ => format!("{this}.as_ref()"),
    };
    match field.nullable.condition_in(field.versions) {
        Condition::Never => write(&field.kind, form, &this, ""),
        Condition::Always => write(&field.kind, form, &option, "nullable_"),
        Condition::When { holds, .. } => {
            let nullable = write(&field.kind, form, &option, "nullable_");
            let name = format!("{}.{}", value.name, field.name);
            let plain = write(&field.kind, form, "value", "");
            format!(
                "if {holds} {{ {nullable} }} else {{
                    let null = EncodeError::UnexpectedNull {{ field: {name:?}, version }};
                    let value = {this}.as_ref().ok_or(null)?;
                    {plain}
                }}\n"
            )
        }
    }
}

/// The statement that writes what the expression `this` stands for.
fn write(kind: &Type, form: &str, this: &str, nullable: &str) -> String {
    // A name is a reference already; a field has to be made one; an option holds one.
    let by_ref = if this.starts_with("self.") && nullable.is_empty() {
        format!("&{this}")
    } else {
        this.to_owned()
    };
    match kind {
        Type::Bool | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::F64 | Type::Uuid => {
            format!("writer.{}({this});\n", scalar(kind))
        }
        Type::Str => format!("writer.{nullable}string({form}, {by_ref})?;\n"),
        Type::Blob => format!("writer.{nullable}bytes({form}, {by_ref})?;\n"),
        Type::Records => format!("writer.{nullable}records({form}, {by_ref})?;\n"),
        Type::Struct(_) if nullable.is_empty() => format!("{this}.write(writer, version)?;\n"),
        Type::Struct(_) => format!(
            "writer.nullable_struct({this}, |writer, value| value.write(writer, version))?;\n"
        ),
        Type::Array(element) => {
            let element = match &**element {
                Type::Str => format!("|writer, value| writer.string({form}, value)"),
                Type::Blob => format!("|writer, value| writer.bytes({form}, value)"),
                Type::Records => format!("|writer, value| writer.records({form}, value)"),
                Type::Struct(_) => "|writer, value| value.write(writer, version)".into(),
                kind => format!(
                    "|writer, &value| {{ writer.{}(value); Ok(()) }}",
                    scalar(kind)
                ),
            };
            format!("writer.{nullable}array({form}, {by_ref}, {element})?;\n")
        }
    }
}

/// The method that writes a value of fixed width.
fn scalar(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F64 => "f64",
        Type::Uuid => "uuid",
        _ => unreachable!("{kind:?} has no fixed width"),
    }
}
