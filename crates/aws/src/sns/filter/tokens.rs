//! Reads JSON token by token, and knows at any time where it is: AWS says where a policy is wrong, and counts as
//! Jackson, its JSON reader, does. The rule: behind a token; of a string that nobody has looked into, behind its
//! opening quote; of a field's name, behind the beginning of its value.

use std::fmt::Write;

use super::FilterError;

/// How deep a policy may be nested: reading it recurses.
const DEPTH_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Name,
    String,
    Number,
    True,
    False,
    Null,
    /// Of the text.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Object,
    Array,
}

/// What is still to be read of a text. Clones look ahead.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// Everything before this is read.
    at: usize,
    /// Where Jackson would be.
    location: usize,
    inside: Vec<(Inside, usize)>,
    /// Nothing of what the innermost object or array holds was read.
    fresh: bool,
    /// The value behind a name: it is read with the name.
    ahead: Option<Token>,
    token: Token,
    /// Where the text of the token is, with its quotes.
    span: (usize, usize),
    name: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            location: 0,
            inside: Vec::new(),
            fresh: true,
            ahead: None,
            token: Token::End,
            span: (0, 0),
            name: "",
        }
    }

    /// Goes to the next token.
    pub(super) fn next(&mut self) -> Result<Token, FilterError> {
        self.token = match self.ahead.take() {
            Some(token) => token,
            None => self.read()?,
        };
        match self.token {
            Token::ObjectStart => self.enter(Inside::Object)?,
            Token::ArrayStart => self.enter(Inside::Array)?,
            _ => {}
        }
        Ok(self.token)
    }

    /// The text of a string or a name.
    pub(super) fn string(&mut self) -> Result<String, FilterError> {
        let quoted = match self.token {
            Token::Name => self.name,
            _ => {
                self.location = self.span.1;
                &self.text[self.span.0..self.span.1]
            }
        };
        serde_json::from_str(quoted).map_err(|_| self.unparsable("Illegal character in a string"))
    }

    /// The token as it is written; a string without its quotes.
    pub(super) fn raw(&self) -> &'a str {
        let raw = &self.text[self.span.0..self.span.1];
        let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        inner.unwrap_or(raw)
    }

    /// Says that the policy is wrong here.
    pub(super) fn refuse(&self, why: impl Into<String>) -> FilterError {
        let mut text = why.into();
        self.write_location(&mut text, self.location);
        FilterError::Policy(text)
    }

    fn enter(&mut self, inside: Inside) -> Result<(), FilterError> {
        if self.inside.len() == DEPTH_MAX {
            return Err(FilterError::too_complex());
        }
        self.inside.push((inside, self.span.0));
        self.fresh = true;
        Ok(())
    }

    fn read(&mut self) -> Result<Token, FilterError> {
        let fresh = std::mem::replace(&mut self.fresh, false);
        self.skip_space();
        let Some((inside, _)) = self.inside.last().copied() else {
            return match (fresh, self.peek()) {
                (true, Some(_)) => self.value(),
                (false, Some(found)) => Err(self.unexpected(found, "end of the policy")),
                (_, None) => Ok(Token::End),
            };
        };
        let closing = match inside {
            Inside::Object => b'}',
            Inside::Array => b']',
        };
        if self.peek() == Some(closing) {
            self.inside.pop();
            self.span = (self.at, self.at + 1);
            self.at += 1;
            self.location = self.at;
            return Ok(match inside {
                Inside::Object => Token::ObjectEnd,
                Inside::Array => Token::ArrayEnd,
            });
        }
        if !fresh {
            let kind = match inside {
                Inside::Object => "comma to separate Object entries",
                Inside::Array => "comma to separate Array entries",
            };
            self.expect(b',', kind)?;
            self.skip_space();
        }
        match inside {
            Inside::Array => self.value(),
            Inside::Object => self.name_and_value(),
        }
    }

    fn name_and_value(&mut self) -> Result<Token, FilterError> {
        match self.peek() {
            Some(b'"') => {}
            Some(found) => {
                return Err(self.unexpected(found, "double-quote to start field name"));
            }
            None => return Err(self.ended()),
        }
        let start = self.at;
        self.skip_string()?;
        self.name = &self.text[start..self.at];
        self.skip_space();
        self.expect(b':', "a colon to separate field name and value")?;
        self.skip_space();
        self.ahead = Some(self.value()?);
        Ok(Token::Name)
    }

    fn value(&mut self) -> Result<Token, FilterError> {
        let start = self.at;
        let token = match self.peek() {
            None => return Err(self.ended()),
            Some(b'{') => self.one(Token::ObjectStart),
            Some(b'[') => self.one(Token::ArrayStart),
            Some(b'"') => {
                self.skip_string()?;
                Token::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.skip_while(|byte| {
                    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                });
                let number = &self.text[start..self.at];
                if serde_json::from_str::<f64>(number).is_err() {
                    self.location = self.at;
                    return Err(self.unparsable(&format!("Invalid numeric value: {number}")));
                }
                Token::Number
            }
            Some(found) => {
                self.skip_while(|byte| {
                    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
                });
                match &self.text[start..self.at] {
                    "true" => Token::True,
                    "false" => Token::False,
                    "null" => Token::Null,
                    "" => {
                        let expected = "a valid value (JSON String, Number, Array, Object or \
                                        token 'null', 'true' or 'false')";
                        return Err(self.unexpected(found, expected));
                    }
                    other => {
                        self.location = self.at;
                        return Err(self.unparsable(&format!(
                            "Unrecognized token '{other}': was expecting (JSON String, Number, \
                             Array, Object or token 'null', 'true' or 'false')"
                        )));
                    }
                }
            }
        };
        self.span = (start, self.at);
        self.location = match token {
            Token::String => start + 1,
            _ => self.at,
        };
        Ok(token)
    }

    fn one(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    }

    fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) -> Result<(), FilterError> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.ended()),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), FilterError> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(self.unexpected(found, what)),
            None => Err(self.ended()),
        }
    }

    fn unexpected(&mut self, found: u8, expected: &str) -> FilterError {
        // Jackson points at it, and not behind it.
        self.location = self.at;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = rest.chars().next().unwrap_or(char::from(found));
        let code = u32::from(found);
        self.unparsable(&format!(
            "Unexpected character ('{found}' (code {code})): was expecting {expected}"
        ))
    }

    fn ended(&mut self) -> FilterError {
        self.location = self.text.len();
        let mut why = "Unexpected end-of-input".to_owned();
        if let Some((inside, start)) = self.inside.last() {
            let kind = match inside {
                Inside::Object => "Object",
                Inside::Array => "Array",
            };
            let mut marker = String::new();
            self.write_location(&mut marker, *start);
            let marker = marker.trim_start_matches("\n at ");
            let _ = write!(
                why,
                ": expected close marker for {kind} (start marker at {marker})"
            );
        }
        self.unparsable(&why)
    }

    fn unparsable(&self, why: &str) -> FilterError {
        self.refuse(format!("failed to parse JSON. {why}"))
    }

    fn write_location(&self, text: &mut String, at: usize) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let begins = before.iter().rposition(|byte| *byte == b'\n');
        let column = 1 + at - begins.map_or(0, |newline| newline + 1);
        let _ = write!(
            text,
            "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
             line: {line}, column: {column}]"
        );
    }
}
