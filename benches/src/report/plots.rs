//! Plots as SVG files.

use std::error::Error;
use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::{Circle, PathElement};
use plotters::prelude::{BLACK, IntoLogRange as _, SVGBackend, WHITE};
use plotters::series::LineSeries;
use plotters::style::{Color as _, RGBColor};

const SIZE: (u32, u32) = (760, 440);
/// Told apart without colour vision too (Okabe and Ito).
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

type Area<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>;

/// Points of one line.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Curve {
    pub(crate) fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.to_owned(), points }
    }
}

/// How the axes grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    BothLogarithmic,
}

/// One picture.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    /// The file's name without its ending.
    pub(crate) file: &'static str,
    pub(crate) title: String,
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
    pub(crate) scale: Scale,
    pub(crate) curves: Vec<Curve>,
    /// Whether its points are seconds that are to be shown in T.
    pub(crate) in_t: bool,
}

impl Plot {
    /// The points as rows of a table, for those who read and do not see; `t` seconds are one T.
    pub(crate) fn table(&self, t: f64) -> String {
        let unit = if self.in_t { t } else { 1.0 };
        let heads: String = self.curves.iter().map(|curve| format!(" {} |", curve.name)).collect();
        let mut table =
            format!("| {} |{heads}\n|---|{}\n", self.across, "---|".repeat(self.curves.len()));
        let across = self.curves.first().map_or(&[][..], |curve| &curve.points);
        for (place, (x, _)) in across.iter().enumerate() {
            let cell = |curve: &Curve| match curve.points.get(place) {
                Some((_, y)) => format!(" {} {} |", plain(y / unit), self.up),
                None => " |".to_owned(),
            };
            let cells: String = self.curves.iter().map(cell).collect();
            table += &format!("| {} |{cells}\n", plain(*x));
        }
        table
    }

    /// Draws the plot into `dir`; `t` seconds are one T.
    ///
    /// # Errors
    /// What the file system or the drawing library says.
    pub(crate) fn draw(&self, dir: &Path, t: f64) -> Result<(), Box<dyn Error>> {
        let unit = if self.in_t { t } else { 1.0 };
        let scaled = |curve: &Curve| Curve {
            name: curve.name.clone(),
            points: curve.points.iter().map(|(x, y)| (*x, y / unit)).collect(),
        };
        let curves: Vec<Curve> = self.curves.iter().map(scaled).collect();
        let all = || curves.iter().flat_map(|curve| &curve.points);
        let least = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(0.0, f64::max);
        let (right, top) = (most(|p| p.0), most(|p| p.1));
        let path = dir.join(format!("{}.svg", self.file));
        let root = SVGBackend::new(&path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root);
        chart
            .caption(&self.title, ("sans-serif", 18))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(76);
        match self.scale {
            Scale::Linear => {
                let mut area = chart.build_cartesian_2d(0.0..right * 1.05, 0.0..top * 1.15)?;
                self.fill(&mut area, &curves)?;
            }
            Scale::BothLogarithmic => {
                let (left, bottom) = (least(|p| p.0), least(|p| p.1));
                let across = (left / 1.2..right * 1.2).log_scale();
                let up = (bottom / 2.0..top * 3.0).log_scale();
                let mut area = chart.build_cartesian_2d(across, up)?;
                self.fill(&mut area, &curves)?;
            }
        }
        root.present()?;
        Ok(())
    }

    fn fill<X, Y>(&self, area: &mut Area<'_, X, Y>, curves: &[Curve]) -> Result<(), Box<dyn Error>>
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        area.configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .x_label_formatter(&|number| plain(*number))
            .y_label_formatter(&|number| plain(*number))
            .axis_desc_style(("sans-serif", 14))
            .label_style(("sans-serif", 12))
            .light_line_style(WHITE)
            .draw()?;
        for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let line = colour.stroke_width(2);
            area.draw_series(LineSeries::new(curve.points.clone(), line))?
                .label(&curve.name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], line));
            let dot = |point: &(f64, f64)| Circle::new(*point, 3, colour.filled());
            area.draw_series(curve.points.iter().map(dot))?;
        }
        area.configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 12))
            .draw()?;
        Ok(())
    }
}

/// A number on an axis.
fn plain(number: f64) -> String {
    let whole = number.round();
    if number >= 10.0 || (number - whole).abs() < 1e-9 {
        // Numbers on the axes are far smaller than 2^63.
        grouped(whole as i64)
    } else {
        format!("{number:.2}")
    }
}

/// Thousands apart.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_of_both_kinds_are_drawn() {
        let dir = tempfile::tempdir().unwrap();
        for scale in [Scale::Linear, Scale::BothLogarithmic] {
            let points = vec![(1.0, 0.002), (10.0, 0.02), (1000.0, 0.5)];
            let plot = Plot {
                file: "plot",
                title: "A title & more".to_owned(),
                across: "n",
                up: "T",
                scale,
                curves: vec![Curve::new("total", points)],
                in_t: true,
            };
            plot.draw(dir.path(), 0.001).unwrap();
            assert!(plot.table(0.001).ends_with("| 1,000 | 500 T |\n"), "{}", plot.table(0.001));
            let svg = std::fs::read_to_string(dir.path().join("plot.svg")).unwrap();
            assert!(svg.contains("A title &amp; more") && svg.contains("circle"), "{svg}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1000, 1_234_567, -1234].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567", "-1,234"]);
    }
}
