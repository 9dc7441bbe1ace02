//! Curves of a few series over one axis.

use super::svg::{Anchor, Svg};

/// A curve.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One axis: where its marks are, and what they say.
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) logarithmic: bool,
}

impl Axis {
    /// A logarithmic axis with 1, 2 and 5 times the powers of ten that `values` lie between.
    pub(crate) fn logarithmic(title: &str, values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::MAX, f64::MIN_POSITIVE);
        for value in values.filter(|value| *value > 0.0) {
            low = low.min(value);
            high = high.max(value);
        }
        let all = (-6..9).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)));
        let all: Vec<f64> = all.collect();
        let from = all.iter().rposition(|tick| *tick <= low).unwrap_or(0);
        let to = all.iter().position(|tick| *tick >= high);
        let to = to.unwrap_or(all.len() - 1).max(from + 1);
        let label = |tick: &f64| (*tick, super::super::samples::digits(*tick));
        Self {
            title: title.to_owned(),
            ticks: all[from..=to].iter().map(label).collect(),
            logarithmic: true,
        }
    }

    /// Where `value` lies between the first mark (0) and the last (1).
    fn place(&self, value: f64) -> f64 {
        let (first, last) = (self.ticks[0].0, self.ticks[self.ticks.len() - 1].0);
        let place = if self.logarithmic {
            (value.max(f64::MIN_POSITIVE) / first).ln() / (last / first).ln()
        } else {
            (value - first) / (last - first)
        };
        place.clamp(0.0, 1.0)
    }
}

/// What a chart is made of.
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 82.0;
const BOTTOM: f64 = 54.0;
const COLOURS: [(&str, &str); 6] = [
    ("#4593e0", ""),
    ("#2da44e", "7 3"),
    ("#d4712a", "2 2"),
    ("#c94f7c", "9 3 2 3"),
    ("#8a63d2", "4 4"),
    ("#7d8590", "1 3"),
];

pub(crate) fn lines(chart: &Chart) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.text((16.0, 24.0), Anchor::Start, "title", &chart.title);
    svg.text((16.0, TOP - 12.0), Anchor::Start, "small", &chart.y.title);
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let x = |value| LEFT + (right - LEFT) * chart.x.place(value);
    let y = |value| bottom - (bottom - TOP) * chart.y.place(value);
    for (tick, label) in &chart.y.ticks {
        svg.line((LEFT, y(*tick)), (right, y(*tick)), "grid");
        svg.text((LEFT - 8.0, y(*tick) + 4.0), Anchor::End, "small", label);
    }
    for (tick, label) in &chart.x.ticks {
        svg.line((x(*tick), bottom), (x(*tick), bottom + 5.0), "axis");
        svg.text((x(*tick), bottom + 18.0), Anchor::Middle, "small", label);
    }
    svg.line((LEFT, bottom), (right, bottom), "axis");
    let middle = f64::midpoint(LEFT, right);
    svg.text(
        (middle, HEIGHT - 12.0),
        Anchor::Middle,
        "small",
        &chart.x.title,
    );

    let mut legend = 16.0;
    for (series, (colour, dash)) in chart.series.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<_> = series.points.iter().map(|(a, b)| (x(*a), y(*b))).collect();
        svg.path(&points, colour, dash);
        for point in points {
            svg.dot(point, colour);
        }
        svg.path(&[(legend, 44.0), (legend + 28.0, 44.0)], colour, dash);
        svg.text((legend + 34.0, 48.0), Anchor::Start, "", &series.name);
        // A letter of this font is about seven pixels wide.
        legend += 56.0 + 7.0 * series.name.len() as f64;
    }
    svg.finish(&chart.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_reaches_around_its_values() {
        let axis = Axis::logarithmic("ms", [0.3, 40.0].into_iter());
        let ticks: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(
            ticks,
            [
                "0.200", "0.500", "1.00", "2.00", "5.00", "10.0", "20.0", "50.0"
            ]
        );
        assert_eq!(axis.place(0.1), 0.0);
        assert_eq!(axis.place(50.0), 1.0);
    }
}
