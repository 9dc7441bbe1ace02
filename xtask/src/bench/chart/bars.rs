//! Advantages as bars from 1 x outwards, on a logarithmic scale, each with its target.

use super::svg::{Anchor, Svg};

/// How much better one side was.
pub(crate) struct Bar {
    pub(crate) label: String,
    /// 2 is twice as good, 0.5 half as good.
    pub(crate) advantage: f64,
    /// The worst and the best round.
    pub(crate) range: (f64, f64),
    pub(crate) target: Option<f64>,
}

const LABELS: f64 = 390.0;
const PLOT: f64 = 420.0;
const VALUES: f64 = 110.0;
const ROW: f64 = 30.0;
const HEAD: f64 = 64.0;
const FOOT: f64 = 40.0;

const MET: &str = "#2da44e";
const MISSED: &str = "#d4712a";
const NEUTRAL: &str = "#4593e0";

pub(crate) fn bars(title: &str, subtitle: &str, bars: &[Bar]) -> String {
    let scale = Scale::around(bars);
    let bottom = HEAD + ROW * bars.len() as f64;
    let mut svg = Svg::new(LABELS + PLOT + VALUES, bottom + FOOT);
    svg.text((16.0, 24.0), Anchor::Start, "title", title);
    svg.text((16.0, 44.0), Anchor::Start, "small", subtitle);
    for tick in scale.ticks() {
        let x = scale.x(tick);
        let class = if tick == 1.0 { "axis" } else { "grid" };
        svg.line((x, HEAD - 6.0), (x, bottom), class);
        svg.text(
            (x, bottom + 16.0),
            Anchor::Middle,
            "small",
            &format!("{tick}x"),
        );
    }
    for (row, bar) in bars.iter().enumerate() {
        draw(&mut svg, &scale, HEAD + ROW * row as f64, bar);
    }
    let legend = "green: target met · orange: missed · blue: no target · upright mark: target · thin \
                  line: worst and best round";
    svg.text((16.0, bottom + 34.0), Anchor::Start, "small", legend);
    svg.finish(title)
}

fn draw(svg: &mut Svg, scale: &Scale, top: f64, bar: &Bar) {
    let middle = top + ROW / 2.0;
    let colour = match bar.target {
        None => NEUTRAL,
        Some(target) if bar.advantage >= target => MET,
        Some(_) => MISSED,
    };
    svg.text((LABELS - 14.0, middle + 4.5), Anchor::End, "", &bar.label);
    let (from, to) = (scale.x(1.0), scale.x(bar.advantage));
    let width = (to - from).abs().max(2.0);
    svg.bar(from.min(to), top + 7.0, width, ROW - 14.0, colour);
    let (worst, best) = (scale.x(bar.range.0), scale.x(bar.range.1));
    if best - worst > 1.0 {
        svg.line((worst, middle), (best, middle), "axis");
    }
    if let Some(target) = bar.target {
        let x = scale.x(target);
        svg.line((x, top + 3.0), (x, top + ROW - 3.0), "mark");
    }
    let value = format!("{}x", super::super::samples::digits(bar.advantage));
    svg.text(
        (LABELS + PLOT + 14.0, middle + 4.5),
        Anchor::Start,
        "",
        &value,
    );
}

/// Logarithmic, from below to above everything that is drawn.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn around(bars: &[Bar]) -> Self {
        let all = || {
            bars.iter().flat_map(|bar| {
                let target = bar.target.unwrap_or(1.0);
                [bar.advantage, bar.range.0, bar.range.1, target]
            })
        };
        Self {
            low: all().fold(0.8, f64::min) * 0.9,
            high: all().fold(2.0, f64::max) * 1.1,
        }
    }

    fn x(&self, value: f64) -> f64 {
        LABELS + PLOT * (value / self.low).ln() / (self.high / self.low).ln()
    }

    /// 1, 2 and 5 times the powers of ten that are inside.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let all = (-3..6).flat_map(|power| [1.0, 2.0, 5.0].map(|step| (step, power)));
        all.map(|(step, power)| {
            if power < 0 {
                step / 10_f64.powi(-power)
            } else {
                step * 10_f64.powi(power)
            }
        })
        .filter(|tick| (self.low..=self.high).contains(tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_by_its_colour_whether_the_target_is_met() {
        let bar = |advantage| Bar {
            label: "rate".to_owned(),
            advantage,
            range: (advantage, advantage),
            target: Some(2.0),
        };
        assert!(bars("t", "s", &[bar(2.5)]).contains(MET));
        assert!(bars("t", "s", &[bar(1.5)]).contains(MISSED));
    }

    #[test]
    fn one_is_always_on_the_scale() {
        let scale = Scale {
            low: 0.05,
            high: 30.0,
        };
        let ticks: Vec<_> = scale.ticks().collect();
        assert_eq!(ticks, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert!(scale.x(1.0) > scale.x(0.5));
    }
}
