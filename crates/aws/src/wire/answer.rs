//! An answer as it is written: one description, JSON or XML.

use super::call::Format;
use super::escape;

/// The members of a structure, appended to the body of an answer.
///
/// JSON and XML call lists and maps by different names: an `AttributeNames` of JSON is many `AttributeName` of the
/// query protocol. So what writes one says both.
#[derive(Debug)]
pub struct Answer {
    out: Vec<u8>,
    format: Format,
    /// Nothing was written since the last opening bracket of JSON.
    is_first: bool,
}

/// What a name in XML takes beside it twice.
const TAG_BYTES: &[u8; 5] = b"<></>";

impl Answer {
    pub(super) fn new(format: Format, capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            format,
            is_first: true,
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Appends what is written already.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A member that is text.
    pub fn text(&mut self, name: &str, text: &str) {
        match self.format {
            Format::Json => {
                self.name(name);
                escape::json(text, &mut self.out);
            }
            Format::Query => {
                self.out
                    .reserve(text.len() + 2 * name.len() + TAG_BYTES.len());
                self.open(name);
                escape::xml(text, &mut self.out);
                self.close(name);
            }
        }
    }

    /// A member that is text, if it is there.
    pub fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A member that is a whole number.
    pub fn number(&mut self, name: &str, number: i64) {
        self.bare(name, &number.to_string());
    }

    /// A member that is true or false.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.bare(name, if value { "true" } else { "false" });
    }

    /// A member that is a structure.
    pub fn structure(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        match self.format {
            Format::Json => {
                self.name(name);
                self.braces(write);
            }
            Format::Query => {
                self.open(name);
                write(self);
                self.close(name);
            }
        }
    }

    /// A list of structures without an element of its own in XML (`flattened`): there each of them is an `element`. An
    /// empty one is left out.
    pub fn list<T>(
        &mut self,
        name: &str,
        element: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.sequence(name, element, items, |answer, item| match answer.format {
            Format::Json => answer.braces(|answer| write(answer, item)),
            Format::Query => write(answer, item),
        });
    }

    /// The same, of texts.
    pub fn texts<'t>(
        &mut self,
        name: &str,
        element: &str,
        items: impl IntoIterator<Item = &'t str>,
    ) {
        self.sequence(name, element, items, |answer, item| match answer.format {
            Format::Json => escape::json(item, &mut answer.out),
            Format::Query => escape::xml(item, &mut answer.out),
        });
    }

    /// The same, which is there in JSON also when it is empty: the model says that it is.
    pub fn required_texts<'t>(
        &mut self,
        name: &str,
        element: &str,
        items: impl IntoIterator<Item = &'t str>,
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() && self.format == Format::Json {
            self.bare(name, "[]");
        }
        self.texts(name, element, items);
    }

    /// A map to texts without an element of its own in XML: there each entry is an `element` with these names for its
    /// key and value. An empty one is left out.
    pub fn map<'t>(
        &mut self,
        name: &str,
        element: &str,
        (key, value): (&str, &str),
        entries: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) {
        self.entries(name, element, key, entries, |answer, text| {
            match answer.format {
                Format::Json => escape::json(text, &mut answer.out),
                Format::Query => answer.text(value, text),
            }
        });
    }

    /// The same, of structures.
    pub fn structures<'t, T>(
        &mut self,
        name: &str,
        element: &str,
        (key, value): (&str, &str),
        entries: impl IntoIterator<Item = (&'t str, T)>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.entries(name, element, key, entries, |answer, item| {
            match answer.format {
                Format::Json => answer.braces(|answer| write(answer, item)),
                Format::Query => answer.structure(value, |answer| write(answer, item)),
            }
        });
    }

    /// A list of structures in an element of its own in XML, where each of them is a `member`; it is there when it is
    /// empty, too.
    pub fn members<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) {
        match self.format {
            Format::Json => self.list(name, name, items, write),
            Format::Query => {
                self.open(name);
                self.list("member", "member", items, write);
                self.close(name);
            }
        }
    }

    /// A map to texts in an element of its own in XML, where each entry is an `entry` with `key` and `value`; it is
    /// there when it is empty, too.
    pub fn entry_map<'t>(
        &mut self,
        name: &str,
        entries: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) {
        let names = ("key", "value");
        match self.format {
            Format::Json => self.map(name, name, names, entries),
            Format::Query => {
                self.open(name);
                self.map("entry", "entry", names, entries);
                self.close(name);
            }
        }
    }

    fn entries<'t, T>(
        &mut self,
        name: &str,
        element: &str,
        key: &str,
        entries: impl IntoIterator<Item = (&'t str, T)>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_none() {
            return;
        }
        match self.format {
            Format::Json => {
                self.name(name);
                self.braces(|answer| {
                    for (name, item) in entries {
                        answer.name(name);
                        write(answer, item);
                    }
                });
            }
            Format::Query => {
                for (name, item) in entries {
                    self.open(element);
                    self.text(key, name);
                    write(self, item);
                    self.close(element);
                }
            }
        }
    }

    fn sequence<T>(
        &mut self,
        name: &str,
        element: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        match self.format {
            Format::Json => {
                self.name(name);
                self.out.push(b'[');
                for (at, item) in items.enumerate() {
                    if at > 0 {
                        self.out.push(b',');
                    }
                    write(self, item);
                }
                self.out.push(b']');
            }
            Format::Query => {
                for item in items {
                    self.open(element);
                    write(self, item);
                    self.close(element);
                }
            }
        }
    }

    /// A member that needs no escape and no quotes.
    fn bare(&mut self, name: &str, value: &str) {
        match self.format {
            Format::Json => {
                self.name(name);
                self.raw(value.as_bytes());
            }
            Format::Query => self.text(name, value),
        }
    }

    pub(super) fn braces(&mut self, write: impl FnOnce(&mut Self)) {
        self.out.push(b'{');
        self.is_first = true;
        write(self);
        self.out.push(b'}');
        self.is_first = false;
    }

    /// The name of a member of JSON, with the comma before it. Some are a client's (of attributes and tags).
    fn name(&mut self, name: &str) {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        escape::json(name, &mut self.out);
        self.out.push(b':');
    }

    pub(super) fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.raw(name.as_bytes());
        self.out.push(b'>');
    }

    pub(super) fn close(&mut self, name: &str) {
        self.raw(b"</");
        self.raw(name.as_bytes());
        self.out.push(b'>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, write: impl FnOnce(&mut Answer)) -> String {
        let mut answer = Answer::new(format, 0);
        match format {
            Format::Json => answer.braces(write),
            Format::Query => write(&mut answer),
        }
        String::from_utf8(answer.finish()).unwrap()
    }

    fn everything(answer: &mut Answer) {
        answer.text("Name", "a&\"b");
        answer.optional_text("Missing", None);
        answer.number("Count", -3);
        answer.boolean("SenderFault", true);
        answer.texts("QueueUrls", "QueueUrl", ["a", "b"]);
        answer.texts("Empty", "None", []);
        answer.required_texts("queueUrls", "QueueUrl", []);
        answer.map("Tags", "Tag", ("Key", "Value"), [("k", "v"), ("l", "")]);
        answer.list("Messages", "Message", [1, 2], |answer, id| {
            answer.number("Id", id);
            let names = ("Name", "Value");
            answer.structures("More", "One", names, [("x", id)], |answer, id| {
                answer.number("N", id);
            });
        });
        answer.text("Last", "z");
    }

    #[test]
    fn json_is_what_it_says() {
        let json: serde_json::Value =
            serde_json::from_str(&written(Format::Json, everything)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "Name": "a&\"b", "Count": -3, "SenderFault": true, "QueueUrls": ["a", "b"], "queueUrls": [],
                "Tags": {"k": "v", "l": ""},
                "Messages": [{"Id": 1, "More": {"x": {"N": 1}}}, {"Id": 2, "More": {"x": {"N": 2}}}],
                "Last": "z",
            })
        );
    }

    #[test]
    fn xml_lists_and_maps_are_flat() {
        assert_eq!(
            written(Format::Query, everything),
            "<Name>a&amp;&quot;b</Name><Count>-3</Count><SenderFault>true</SenderFault>\
             <QueueUrl>a</QueueUrl><QueueUrl>b</QueueUrl>\
             <Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key><Value></Value></Tag>\
             <Message><Id>1</Id><One><Name>x</Name><Value><N>1</N></Value></One></Message>\
             <Message><Id>2</Id><One><Name>x</Name><Value><N>2</N></Value></One></Message>\
             <Last>z</Last>"
        );
    }

    #[test]
    fn xml_lists_and_maps_that_are_not_flat_are_there_when_they_are_empty() {
        let wrapped = written(Format::Query, |answer| {
            answer.members("Topics", ["a"], |answer, arn| answer.text("TopicArn", arn));
            answer.members("Subscriptions", [(); 0], |_, ()| ());
            answer.entry_map("Attributes", [("Owner", "1")]);
        });
        assert_eq!(
            wrapped,
            "<Topics><member><TopicArn>a</TopicArn></member></Topics><Subscriptions></Subscriptions>\
             <Attributes><entry><key>Owner</key><value>1</value></entry></Attributes>"
        );
    }
}
