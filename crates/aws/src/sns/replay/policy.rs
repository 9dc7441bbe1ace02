//! From when until when an archive is replayed.

use serde::Deserialize;

/// The value of `ReplayPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplayPolicy {
    /// In milliseconds since the Unix epoch.
    pub(crate) start_ms: i64,
    /// The same; what was published later is not replayed.
    pub(crate) end_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    point_type: String,
    starting_point: String,
    ending_point: Option<String>,
}

impl ReplayPolicy {
    /// # Errors
    /// If a text is no policy.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("ReplayPolicy: {why}");
        let given: Given = serde_json::from_str(text)
            .map_err(|_| wrong("PointType and StartingPoint are needed"))?;
        if given.point_type != "Timestamp" {
            return Err(wrong("PointType must be Timestamp"));
        }
        let time = |name: &str, text: &str| {
            let time: Result<jiff::Timestamp, _> = text.parse();
            let time = time.map(|time| time.as_millisecond());
            time.map_err(|_| wrong(&format!("{name} is no time: {text}")))
        };
        let start_ms = time("StartingPoint", &given.starting_point)?;
        let end = given.ending_point.as_deref();
        let end_ms = end.map(|text| time("EndingPoint", text)).transpose()?;
        match end_ms.is_some_and(|end_ms| end_ms < start_ms) {
            true => Err(wrong("EndingPoint is before StartingPoint")),
            false => Ok(Self { start_ms, end_ms }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_iso_8601() {
        let policy = |text| ReplayPolicy::parse(text);
        let parsed = policy(
            r#"{"PointType": "Timestamp", "StartingPoint": "2026-11-22T01:50:45.678Z",
                "EndingPoint": "2026-11-22T02:50:45+01:00"}"#,
        );
        // A second has no milliseconds, and the end is before the beginning.
        assert_eq!(
            parsed,
            Err("ReplayPolicy: EndingPoint is before StartingPoint".to_owned())
        );
        let parsed =
            policy(r#"{"PointType": "Timestamp", "StartingPoint": "2026-11-22T01:50:45.678Z"}"#);
        let expected = ReplayPolicy {
            start_ms: 1_795_312_245_678,
            end_ms: None,
        };
        assert_eq!(parsed, Ok(expected));
        for wrong in [
            "x",
            "{}",
            r#"{"PointType": "Offset", "StartingPoint": "2026-11-22T01:50:45Z"}"#,
            r#"{"PointType": "Timestamp", "StartingPoint": "yesterday"}"#,
        ] {
            assert!(policy(wrong).is_err(), "{wrong}");
        }
    }
}
