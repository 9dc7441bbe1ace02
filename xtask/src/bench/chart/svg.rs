//! The few shapes that a chart is made of.

use std::fmt::Write;

/// Colours that stand out from white and from black alike; text and grid follow the reader's theme.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}
.title{font-weight:600;font-size:15px}
.small{font-size:11.5px;fill:#59636e}
.grid{stroke:#8c959f;stroke-opacity:.35}
.axis{stroke:#59636e}
.mark{stroke:#1f2328;stroke-width:2}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.small{fill:#9198a1}.axis{stroke:#9198a1}.mark{stroke:#e6edf3}}
";

/// Where a text stands at its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing in pixels, with the origin at the upper left.
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.shape(format_args!(
            r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}" class="{class}">{}</text>"#,
            at.0,
            at.1,
            escape(text)
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        self.shape(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" class="{class}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn bar(&mut self, left: f64, top: f64, width: f64, height: f64, colour: &str) {
        self.shape(format_args!(
            r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" rx="2" fill="{colour}"/>"#
        ));
    }

    /// `dash` is a dash pattern, so that series differ without their colours too.
    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str, dash: &str) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        self.shape(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>"#,
            points.join(" ")
        ));
    }

    pub(super) fn dot(&mut self, at: (f64, f64), colour: &str) {
        self.shape(format_args!(
            r#"<circle cx="{:.1}" cy="{:.1}" r="3" fill="{colour}"/>"#,
            at.0, at.1
        ));
    }

    pub(super) fn finish(self, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" \
             height=\"{h}\" role=\"img\" aria-label=\"{title}\">\n<style>{STYLE}</style>\n{body}</svg>\n",
            w = self.width,
            h = self.height,
            title = escape(title),
            body = self.body
        )
    }

    fn shape(&mut self, shape: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{shape}").expect("a string takes everything");
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_of_its_element() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((0.0, 0.0), Anchor::Start, "", "p99 < 1 & \"fast\"");
        let text = svg.finish("a <b>");
        assert!(text.contains("p99 &lt; 1 &amp; &quot;fast&quot;"));
        assert!(text.contains("a &lt;b&gt;"));
    }
}
