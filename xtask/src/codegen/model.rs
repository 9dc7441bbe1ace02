//! A message as Rust needs it: its structs in one list, only the fields of the versions that are
//! spoken, and every default worked out.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::schema::{Field as SchemaField, Kind, Schema};
use super::versions::{Condition, Versions};
use super::{comments, names, served};

/// A message and its structs.
#[derive(Debug)]
pub(crate) struct Message {
    pub name: String,
    /// The module that it gets.
    pub module: String,
    pub kind: Kind,
    /// Of requests and responses.
    pub api: Option<Api>,
    pub versions: Versions,
    pub flexible: Versions,
    /// What the schema says about its versions.
    pub notes: Vec<String>,
    /// The message itself, then the structs in it, outer before inner.
    pub structs: Vec<Struct>,
}

/// The API that a message belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub key: i16,
    pub name: &'static str,
}

/// A struct of a message.
#[derive(Debug)]
pub(crate) struct Struct {
    pub name: String,
    pub about: Option<String>,
    /// The versions in which it occurs.
    pub versions: Versions,
    pub fields: Vec<Field>,
    /// Whether a decoded one holds parts of its frame.
    pub borrows: bool,
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    pub name: String,
    pub ident: String,
    pub about: String,
    pub kind: Type,
    pub versions: Versions,
    pub nullable: Versions,
    /// The number of a field that is tagged.
    pub tag: Option<u32>,
    /// Whether its lengths are classic in flexible versions too.
    pub always_classic: bool,
    pub default: Default,
    pub ignorable: bool,
}

/// The type of a field, null aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    F64,
    Uuid,
    Str,
    Blob,
    Records,
    Struct(String),
    Array(Box<Type>),
}

/// The value of a field that a version lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Default {
    /// What the type's own default is: zero, false, empty.
    Zero,
    Null,
    True,
    Int(i64),
    Text(String),
}

/// Everything in the list of what is served.
pub(crate) fn served(schemas: &HashMap<String, String>) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for &(key, name) in served::APIS {
        let api = Some(Api { key, name });
        let request = parse(schemas, &format!("{name}Request"))?;
        let response = parse(schemas, &format!("{name}Response"))?;
        let same = [&request.0, &response.0]
            .iter()
            .all(|schema| schema.api_key == Some(key));
        ensure!(same, "{name} does not have the API key {key}");
        // The request alone says that the newest version is not settled.
        let stable = request.0.stable_versions();
        messages.push(build(&request, api.clone(), stable)?);
        messages.push(build(&response, api, stable)?);
    }
    for name in served::OTHERS {
        let schema = parse(schemas, name)?;
        messages.push(build(&schema, None, schema.0.stable_versions())?);
    }
    Ok(messages)
}

/// A schema and what its comments say.
type Parsed = (Schema, Vec<String>);

fn parse(schemas: &HashMap<String, String>, name: &str) -> Result<Parsed> {
    let text = schemas
        .get(name)
        .with_context(|| format!("there is no schema {name}"))?;
    let schema = serde_json::from_str(&comments::strip(text));
    let schema: Schema = schema.with_context(|| format!("reading schema {name}"))?;
    Ok((schema, comments::version_notes(text)))
}

fn build((schema, notes): &Parsed, api: Option<Api>, versions: Versions) -> Result<Message> {
    let name = schema.name.clone();
    let versions = schema.valid_versions.and(versions);
    ensure!(!versions.is_empty(), "{name} has no versions left");
    let structs = collect(schema, versions).with_context(|| name.clone())?;
    Ok(Message {
        module: names::snake_case(&name),
        kind: schema.kind,
        api,
        versions,
        flexible: schema.flexible_versions.and(versions),
        notes: notes.clone(),
        structs,
        name,
    })
}

/// A struct while its uses are being found.
struct Use<'s> {
    name: &'s str,
    about: Option<&'s str>,
    versions: Versions,
    fields: &'s [SchemaField],
}

/// Lists the structs of a message.
fn collect(schema: &Schema, versions: Versions) -> Result<Vec<Struct>> {
    let root = Use {
        name: &schema.name,
        about: None,
        versions,
        fields: &schema.fields,
    };
    let mut uses = vec![root];
    find_uses(schema, &schema.fields, versions, &mut uses)?;

    let mut structs = Vec::new();
    for used in &uses {
        let mut fields = Vec::new();
        for field in used.fields {
            if !field.versions.and(used.versions).is_empty() {
                let built = build_field(field, used.versions);
                fields.push(built.with_context(|| format!("{}.{}", used.name, field.name))?);
            }
        }
        structs.push(Struct {
            name: used.name.to_owned(),
            about: used.about.map(str::to_owned),
            versions: used.versions,
            fields,
            borrows: false,
        });
    }
    for at in 0..structs.len() {
        structs[at].borrows = borrows(&Type::Struct(structs[at].name.clone()), &structs);
    }
    Ok(structs)
}

fn find_uses<'s>(
    schema: &'s Schema,
    fields: &'s [SchemaField],
    versions: Versions,
    uses: &mut Vec<Use<'s>>,
) -> Result<()> {
    for field in fields {
        let mut versions = field.versions.and(versions);
        let name = field.type_name.trim_start_matches("[]");
        if versions.is_empty() || !is_struct(name) {
            continue;
        }
        let mut fields = field.fields.as_slice();
        if fields.is_empty() {
            let common = schema
                .common_structs
                .iter()
                .find(|common| common.name == name);
            let common = common.with_context(|| format!("struct {name} is not defined"))?;
            versions = versions.and(common.versions);
            fields = &common.fields;
        }
        match uses.iter_mut().find(|used| used.name == name) {
            Some(used) => used.versions = used.versions.hull(versions),
            None => {
                let about = field.about.as_deref();
                uses.push(Use {
                    name,
                    about,
                    versions,
                    fields,
                });
            }
        }
        find_uses(schema, fields, versions, uses)?;
    }
    Ok(())
}

fn build_field(field: &SchemaField, context: Versions) -> Result<Field> {
    let versions = field.versions.and(context);
    let nullable = field
        .nullable_versions
        .unwrap_or(Versions::NONE)
        .and(versions);
    let kind = parse_type(&field.type_name)?;
    if let Some(tagged) = field.tagged_versions {
        ensure!(field.tag.is_some(), "has tagged versions and no tag");
        // Kafka's generator would allow it; no schema does it.
        ensure!(
            tagged.and(versions) == versions,
            "is tagged in some of its versions only"
        );
    }
    let always_classic = match field.flexible_versions {
        None => false,
        Some(Versions::NONE) => true,
        Some(_) => bail!("is flexible in versions of its own"),
    };
    Ok(Field {
        ident: names::field_ident(&field.name),
        about: field.about.clone().context("is not documented")?,
        default: default(field, &kind, nullable, versions)?,
        name: field.name.clone(),
        kind,
        versions,
        nullable,
        tag: field.tag,
        always_classic,
        ignorable: field.ignorable,
    })
}

fn default(
    field: &SchemaField,
    kind: &Type,
    nullable: Versions,
    versions: Versions,
) -> Result<Default> {
    let text = match &field.default {
        // Kafka's generator takes the empty value here even if the field is nullable. A Rust
        // programmer expects `None` of a nullable field that nobody has set; only where some
        // version cannot say null does the default stay the value that every version can say.
        None if nullable == versions => return Ok(Default::Null),
        None => return Ok(Default::Zero),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    Ok(match (kind, text.as_str()) {
        (_, "null") => {
            ensure!(!nullable.is_empty(), "defaults to null and is not nullable");
            Default::Null
        }
        (_, "") | (Type::Bool, "false") => Default::Zero,
        (Type::Bool, "true") => Default::True,
        (Type::I8 | Type::I16 | Type::I32 | Type::I64, text) => match int(text)? {
            0 => Default::Zero,
            int => Default::Int(int),
        },
        (Type::Str, text) => Default::Text(text.to_owned()),
        (kind, text) => bail!("default {text:?} of a {kind:?}"),
    })
}

fn int(text: &str) -> Result<i64> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.with_context(|| format!("default {text:?}"))
}

fn is_struct(type_name: &str) -> bool {
    type_name.starts_with(|first: char| first.is_ascii_uppercase())
}

fn parse_type(name: &str) -> Result<Type> {
    Ok(match name {
        "bool" => Type::Bool,
        "int8" => Type::I8,
        "int16" => Type::I16,
        "int32" => Type::I32,
        "int64" => Type::I64,
        "float64" => Type::F64,
        "uuid" => Type::Uuid,
        "string" => Type::Str,
        "bytes" => Type::Blob,
        "records" => Type::Records,
        name if is_struct(name) => Type::Struct(name.to_owned()),
        name => match name.strip_prefix("[]") {
            Some(element) if !element.starts_with('[') => {
                Type::Array(Box::new(parse_type(element)?))
            }
            _ => bail!("type {name:?}"),
        },
    })
}

/// Whether a decoded value holds parts of its frame.
fn borrows(kind: &Type, structs: &[Struct]) -> bool {
    match kind {
        Type::Str | Type::Blob | Type::Records => true,
        Type::Array(element) => borrows(element, structs),
        Type::Struct(name) => {
            let found = structs.iter().filter(|other| other.name == *name);
            let mut fields = found.flat_map(|found| &found.fields);
            fields.any(|field| borrows(&field.kind, structs))
        }
        _ => false,
    }
}

impl Schema {
    /// The versions that will not change any more.
    fn stable_versions(&self) -> Versions {
        let Versions { first, last } = self.valid_versions;
        Versions {
            first,
            last: if self.latest_version_unstable {
                last - 1
            } else {
                last
            },
        }
    }
}

impl Message {
    /// The first flexible version.
    pub(crate) fn flexible_from(&self) -> Option<i16> {
        (!self.flexible.is_empty()).then_some(self.flexible.first)
    }

    /// A struct by name.
    pub(crate) fn find(&self, name: &str) -> &Struct {
        let found = self.structs.iter().find(|candidate| candidate.name == name);
        found.expect("every struct that a field names has been collected")
    }

    /// Whether a struct is an element of an array.
    pub(crate) fn has_arrays_of(&self, value: &Struct) -> bool {
        let array = Type::Array(Box::new(Type::Struct(value.name.clone())));
        self.structs
            .iter()
            .flat_map(|user| &user.fields)
            .any(|field| field.kind == array)
    }

    /// When a struct of it ends in tagged fields.
    pub(crate) fn flexible_in(&self, value: &Struct) -> Condition {
        self.flexible.condition_in(value.versions)
    }

    /// The fewest bytes that a struct takes at a version.
    pub(crate) fn min_struct_bytes(&self, value: &Struct, version: i16) -> usize {
        let fields = value.fields.iter();
        let present =
            fields.filter(|field| field.tag.is_none() && field.versions.contains(version));
        let fields: usize = present
            .map(|field| self.min_field_bytes(field, version))
            .sum();
        fields + usize::from(self.flexible.contains(version))
    }

    fn min_field_bytes(&self, field: &Field, version: i16) -> usize {
        let flexible = self.flexible.contains(version) && !field.always_classic;
        match &field.kind {
            Type::Bool | Type::I8 => 1,
            Type::I16 => 2,
            Type::I32 => 4,
            Type::I64 | Type::F64 => 8,
            Type::Uuid => 16,
            Type::Str | Type::Blob | Type::Records | Type::Array(_) if flexible => 1,
            Type::Str => 2,
            Type::Blob | Type::Records | Type::Array(_) => 4,
            Type::Struct(_) if field.nullable.contains(version) => 1,
            Type::Struct(name) => self.min_struct_bytes(self.find(name), version),
        }
    }
}
