use super::message::NOT_IMPLEMENTED;
use super::*;

fn parse(text: &str) -> Result<Option<Head>, Refusal> {
    Head::parse(text.as_bytes())
}

fn refusal(text: &str) -> Refusal {
    parse(text).map(|_| ()).expect_err(text)
}

/// A POST with these fields.
fn framed(fields: &str) -> Result<Framing, Refusal> {
    let head = parse(&format!("POST / HTTP/1.1\r\nhost: h\r\n{fields}\r\n"))?;
    Ok(head.expect("it is whole").framing)
}

#[test]
fn a_head_is_read_when_it_is_there_and_not_before() {
    let bytes = "\r\nPOST /a%20b?x=%2F&y HTTP/1.1\r\nHost: h:1\r\nX-Amz-Target:  AmazonSQS.Send \r\n\
                 CONTENT-TYPE: application/json\r\nContent-Length: 2\r\nauthorization: a\r\nx-amz-date: d\r\n\
                 X-Forwarded-Proto: https\r\n\r\n{}GET";
    let end = bytes.len() - "{}GET".len();
    for cut in 0..end {
        assert!(parse(&bytes[..cut]).unwrap().is_none(), "{cut}");
    }
    let head = parse(bytes).unwrap().unwrap();
    assert_eq!(head.end, end);
    // The places are good wherever the bytes are.
    let moved = bytes.as_bytes().to_vec();
    let request = head.of(&moved);
    assert_eq!(request.method(), "POST");
    assert_eq!(request.path(), "/a%20b");
    assert_eq!(request.query(), "x=%2F&y");
    assert_eq!(request.host(), Some("h:1"));
    assert_eq!(request.target(), Some(&b"AmazonSQS.Send"[..]));
    assert_eq!(request.content_type(), Some(&b"application/json"[..]));
    assert_eq!(request.authorization(), Some(&b"a"[..]));
    assert_eq!(request.date(), Some(&b"d"[..]));
    assert!(request.is_forwarded_https());
    assert_eq!(request.body(), b"{}");
    let values: Vec<_> = request.fields().values("x-amz-target").collect();
    assert_eq!(values, [b"AmazonSQS.Send"]);
}

#[test]
fn a_target_is_a_path_or_an_address() {
    for (target, path, query, host) in [
        ("/", "/", "", "field"),
        ("/a/b?c?d#e", "/a/b", "c?d", "field"),
        ("http://address:1/a?b", "/a", "b", "address:1"),
        ("http://address", "/", "", "address"),
        ("https://address?b", "/", "b", "address"),
        ("*", "*", "", "field"),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\nHost: field\r\n\r\n");
        let head = parse(&text).unwrap().unwrap();
        let request = head.of(text.as_bytes());
        let read = (request.path(), request.query(), request.host());
        assert_eq!(read, (path, query, Some(host)), "{target}");
    }
    for target in ["a", "http:/a", "http://", "http:///a", "h:1"] {
        let text = format!("GET {target} HTTP/1.1\r\n\r\n");
        assert_eq!(refusal(&text), BAD_REQUEST, "{target}");
    }
}

#[test]
fn where_a_body_ends_is_said_once() {
    assert_eq!(framed(""), Ok(Framing::Length(0)));
    assert_eq!(framed("content-length: 007\r\n"), Ok(Framing::Length(7)));
    let twice = "content-length: 7\r\nContent-Length: 7\r\n";
    assert_eq!(framed(twice), Ok(Framing::Length(7)));
    let chunked = "Transfer-Encoding: Chunked\r\n";
    assert_eq!(framed(chunked), Ok(Framing::Chunked));
    for (fields, status) in [
        ("content-length: 7\r\ncontent-length: 8\r\n", BAD_REQUEST),
        ("content-length: 7, 7\r\n", BAD_REQUEST),
        ("content-length: +7\r\n", BAD_REQUEST),
        ("content-length: -7\r\n", BAD_REQUEST),
        ("content-length: 0x7\r\n", BAD_REQUEST),
        ("content-length:\r\n", BAD_REQUEST),
        ("content-length: 18446744073709551616\r\n", BAD_REQUEST),
        (
            "content-length: 7\r\ntransfer-encoding: chunked\r\n",
            BAD_REQUEST,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 7\r\n",
            BAD_REQUEST,
        ),
        (
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            BAD_REQUEST,
        ),
        ("transfer-encoding: chunked, gzip\r\n", BAD_REQUEST),
        ("transfer-encoding: identity\r\n", BAD_REQUEST),
        ("transfer-encoding: gzip, chunked\r\n", NOT_IMPLEMENTED),
    ] {
        assert_eq!(framed(fields), Err(status), "{fields}");
    }
    let older = "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(refusal(older), BAD_REQUEST);
}

#[test]
fn what_is_no_head_is_refused() {
    for text in [
        "\x16\x03\x01\x02\x00\x01\x00\x01",
        "GET / HTTP/2.0\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : h\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\nhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nx: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nnothing\r\n\r\n",
    ] {
        assert_eq!(refusal(text), BAD_REQUEST, "{text}");
    }
}

#[test]
fn heads_are_bounded() {
    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "x: 1\r\n".repeat(count));
    assert!(parse(&fields(limits::FIELDS_MAX)).unwrap().is_some());
    assert_eq!(refusal(&fields(limits::FIELDS_MAX + 1)), TOO_LARGE);
    let long = |bytes: usize| {
        let rest = bytes - "GET / HTTP/1.1\r\nx: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "1".repeat(rest))
    };
    assert!(parse(&long(limits::HEAD_BYTES_MAX)).unwrap().is_some());
    assert_eq!(refusal(&long(limits::HEAD_BYTES_MAX + 1)), TOO_LARGE);
    let endless = &long(limits::HEAD_BYTES_MAX + 1)[..limits::HEAD_BYTES_MAX];
    assert_eq!(refusal(endless), TOO_LARGE);
}

#[test]
fn a_connection_goes_on_unless_somebody_says_otherwise() {
    for (version, field, persistence) in [
        ("1.1", "", Persistence::Kept),
        ("1.1", "connection: keep-alive\r\n", Persistence::Kept),
        ("1.1", "connection: te, Close\r\n", Persistence::Closed),
        ("1.0", "", Persistence::Closed),
        (
            "1.0",
            "connection: Keep-Alive\r\n",
            Persistence::KeptAsAsked,
        ),
        (
            "1.0",
            "connection: keep-alive\r\nconnection: close\r\n",
            Persistence::Closed,
        ),
    ] {
        let text = format!("GET / HTTP/{version}\r\n{field}\r\n");
        let head = parse(&text).unwrap().unwrap();
        assert_eq!(head.persistence, persistence, "{text}");
    }
    let expects = |version: &str| {
        let text = format!("POST / HTTP/{version}\r\nExpect: 100-Continue\r\n\r\n");
        parse(&text).unwrap().unwrap().expects_continue
    };
    assert_eq!((expects("1.1"), expects("1.0")), (true, false));
}
