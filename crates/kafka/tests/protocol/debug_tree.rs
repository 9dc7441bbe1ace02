//! Two structs that never heard of one another, compared by what `{:?}` prints of them.
//!
//! Bytes alone do not tell whether a decoder put every value into the right field: one that swaps
//! two fields swaps them back when it encodes. Names and values do.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Fields that only versions have which Kafka calls unstable (KIP-939), so we have none of them.
const NOT_SETTLED: [&str; 4] = [
    "enable2pc",
    "keeppreparedtxn",
    "ongoingtxnproducerid",
    "ongoingtxnproducerepoch",
];

/// What a value prints.
#[derive(Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    /// A number, a text, or a count of bytes.
    Leaf(String),
    List(Vec<Tree>),
    Struct(BTreeMap<String, Tree>),
}

impl Tree {
    /// Reads the output of a derived `Debug`, in which newtypes are as good as what is in them.
    pub(crate) fn parse(printed: &str) -> Self {
        let mut chars = printed.chars().peekable();
        let tree = value(&mut chars);
        assert_eq!(chars.next(), None, "left over of {printed}");
        tree
    }

    /// Says where the oracle's value differs, if it does. It may lack fields that are newer; and
    /// where it has a field's empty value, null will do: at versions without the field the two
    /// have different ideas of the default, and null and empty differ on the wire anyhow.
    pub(crate) fn difference(&self, oracle: &Self) -> Option<String> {
        match (self, oracle) {
            (Self::Struct(ours), Self::Struct(theirs)) => {
                theirs
                    .iter()
                    .find_map(|(name, theirs)| match ours.get(name) {
                        Some(ours) => Some(format!("{name}: {}", ours.difference(theirs)?)),
                        None if NOT_SETTLED.contains(&name.as_str()) => None,
                        None => Some(format!("no {name}")),
                    })
            }
            (Self::List(ours), Self::List(theirs)) if ours.len() == theirs.len() => ours
                .iter()
                .zip(theirs)
                .find_map(|(ours, theirs)| ours.difference(theirs)),
            (Self::Null, Self::Leaf(text)) if text == "\"\"" => None,
            (Self::Null, Self::List(list)) if list.is_empty() => None,
            (ours, theirs) if ours == theirs => None,
            (ours, theirs) => Some(format!("{ours:?} is {theirs:?}")),
        }
    }
}

fn value(chars: &mut Peekable<Chars<'_>>) -> Tree {
    match chars.peek() {
        Some('[') => {
            chars.next();
            let mut list = Vec::new();
            while !ends(chars, ']') {
                list.push(value(chars));
            }
            return Tree::List(list);
        }
        Some('"') => return Tree::Leaf(quoted(chars)),
        _ => {}
    }
    let mut word = String::new();
    while let Some(char) = chars.next_if(|char| char.is_alphanumeric() || "_-.".contains(*char)) {
        word.push(char);
    }
    match chars.peek() {
        _ if word == "None" => Tree::Null,
        // Bytes: their number must do, their content is compared on the wire.
        Some('"') if word == "b" => {
            Tree::Leaf(format!("{} bytes", unescaped_length(&quoted(chars))))
        }
        Some('(') if word == "Blob" || word == "Records" => {
            chars.next();
            Tree::Leaf(chars.take_while(|&char| char != ')').collect())
        }
        Some('(') => {
            chars.next();
            let inner = value(chars);
            assert!(ends(chars, ')'), "{word} holds more than one value");
            inner
        }
        Some(' ') if word.starts_with(char::is_uppercase) => {
            assert_eq!((chars.next(), chars.next()), (Some(' '), Some('{')));
            let mut fields = BTreeMap::new();
            while !ends(chars, '}') {
                let name: String = chars.take_while(|&char| char != ':').collect();
                let name = name.trim().trim_start_matches("r#").replace('_', "");
                chars.next();
                if name == "unknowntaggedfields" {
                    assert_eq!((chars.next(), chars.next()), (Some('{'), Some('}')));
                } else {
                    fields.insert(name, value(chars));
                }
            }
            Tree::Struct(fields)
        }
        _ => Tree::Leaf(word),
    }
}

/// Steps over separators, and over the end if it is there.
fn ends(chars: &mut Peekable<Chars<'_>>, end: char) -> bool {
    while chars.next_if(|&char| char == ',' || char == ' ').is_some() {}
    chars.next_if_eq(&end).is_some()
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut text: String = chars.next().into_iter().collect();
    while let Some(char) = chars.next() {
        text.push(char);
        match char {
            '\\' => text.extend(chars.next()),
            '"' => break,
            _ => {}
        }
    }
    text
}

/// How many bytes a `b"..."` stands for.
fn unescaped_length(quoted: &str) -> usize {
    let mut inner = quoted[1..quoted.len() - 1].chars();
    let mut length = 0;
    while let Some(char) = inner.next() {
        if char == '\\' && inner.next() == Some('x') {
            inner.nth(1);
        }
        length += 1;
    }
    length
}

#[test]
fn printed_structs_are_read() {
    let ours = Tree::parse(r#"A { r#type: 1, list: [B { x: None }], blob: Blob(2 bytes) }"#);
    let theirs = Tree::parse(r#"C { list: [D { x: Some("") }], type_: N(1), blob: b"\n\xff" }"#);
    assert_eq!(ours.difference(&theirs), None);
    let other = Tree::parse(r#"C { type_: N(2) }"#);
    assert!(ours.difference(&other).is_some());
}
