//! serde's view of the tree: the type that is read says what a parameter is to be.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{CowStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::Node;

/// A parameter that is not what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A node that is not there: a map's key without a value.
static NOTHING: Node<'static> = Node {
    value: None,
    children: std::collections::BTreeMap::new(),
};

impl<'de> Node<'de> {
    fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Error> {
        let text = self.text();
        let read = text.trim().parse();
        read.map_err(|_| Error(format!("'{text}' is not a whole number")))
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number()?)
        }
    )+};
}

impl<'de> Deserializer<'de> for &'de Node<'de> {
    type Error = Error;

    numbers! {
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.text())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text => Err(Error(format!("'{text}' is neither true nor false"))),
        }
    }

    /// What is named is there, if only as an empty text.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.elements().into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let child = |node: &'de Node<'de>, names: [&str; 2]| {
            names.into_iter().find_map(|name| node.child(name))
        };
        let entries = self.elements().into_iter().map(|entry| {
            let key = child(entry, ["Name", "Key"]).or_else(|| child(entry, ["name", "key"]));
            let value = child(entry, ["Value", "value"]);
            let key: CowStrDeserializer<'de, Error> =
                Cow::Borrowed(key.unwrap_or(&NOTHING).text()).into_deserializer();
            (key, value.unwrap_or(&NOTHING))
        });
        visitor.visit_map(MapDeserializer::new(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let members = self.children.iter();
        visitor.visit_map(MapDeserializer::new(
            members.map(|(name, node)| (name.as_ref(), node)),
        ))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::wire::query::Parameters;
    use crate::wire::{Entries, Text};

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", default)]
    struct Input<'a> {
        #[serde(borrow)]
        queue_url: Option<Text<'a>>,
        delay_seconds: Option<i64>,
        is_set: bool,
        #[serde(borrow, alias = "AttributeName")]
        attribute_names: Vec<Text<'a>>,
        #[serde(borrow, alias = "Attribute")]
        attributes: Entries<'a, Text<'a>>,
        #[serde(borrow, alias = "MessageAttribute")]
        message_attributes: Entries<'a, Value<'a>>,
        #[serde(borrow, alias = "Entry")]
        entries: Vec<Value<'a>>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", default)]
    struct Value<'a> {
        #[serde(borrow)]
        data_type: Text<'a>,
        #[serde(borrow)]
        string_value: Option<Text<'a>>,
    }

    #[test]
    fn every_shape_is_read() {
        let form = "Action=X&Version=1&QueueUrl=http%3A%2F%2Fh%2F1%2Fq&DelaySeconds=5&IsSet=true\
            &AttributeName.2=b&AttributeName.10=c&AttributeName.1=a\
            &Attribute.1.Name=n&Attribute.1.Value=v&Attribute.2.Name=m\
            &MessageAttribute.1.Name=x&MessageAttribute.1.Value.DataType=String\
            &MessageAttribute.1.Value.StringValue=s&Entry.1.DataType=d&Unknown.1.Deep=1";
        let parameters = Parameters::of([form]).unwrap();
        assert_eq!(parameters.get("Action"), Some("X"));
        let input: Input<'_> = parameters.read().unwrap();
        let value = |data_type: &'static str, text: Option<&'static str>| Value {
            data_type: data_type.into(),
            string_value: text.map(Into::into),
        };
        assert_eq!(
            input,
            Input {
                queue_url: Some("http://h/1/q".into()),
                delay_seconds: Some(5),
                is_set: true,
                attribute_names: vec!["a".into(), "b".into(), "c".into()],
                attributes: Entries(vec![("n".into(), "v".into()), ("m".into(), "".into())]),
                message_attributes: Entries(vec![("x".into(), value("String", Some("s")))]),
                entries: vec![value("d", None)],
            }
        );
    }

    #[test]
    fn lists_and_maps_may_have_an_element_of_their_own() {
        let form = "AttributeNames.member.2=b&AttributeNames.member.1=a\
            &Attributes.entry.1.key=n&Attributes.entry.1.value=v";
        let parameters = Parameters::of([form]).unwrap();
        let input: Input<'_> = parameters.read().unwrap();
        assert_eq!(input.attribute_names, ["a".into(), "b".into()]);
        assert_eq!(input.attributes.0, [("n".into(), "v".into())]);
    }

    #[test]
    fn one_alone_needs_no_number() {
        let form = "AttributeName=All&Attribute.Name=n&Attribute.Value=v&Entry=";
        let parameters = Parameters::of([form]).unwrap();
        let input: Input<'_> = parameters.read().unwrap();
        assert_eq!(input.attribute_names, ["All".into()]);
        assert_eq!(input.attributes.0, [("n".into(), "v".into())]);
        assert_eq!(input.entries, []);
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        let parameters = Parameters::of(["DelaySeconds=soon"]).unwrap();
        let fault = parameters.read::<Input<'_>>().unwrap_err();
        assert_eq!(fault.code, "MalformedInput");
        assert_eq!(fault.message, "'soon' is not a whole number");
    }

    #[test]
    fn what_is_more_than_any_request_is_refused() {
        let deep = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1";
        assert_eq!(
            Parameters::of([deep]).unwrap_err().code,
            "MalformedQueryString"
        );
        let many = "a=1&".repeat(crate::limits::PARAMETERS_MAX + 1);
        assert_eq!(
            Parameters::of([many.as_str()]).unwrap_err().code,
            "MalformedQueryString"
        );
        assert!(Parameters::of(["a=%FF"]).is_err());
    }
}
