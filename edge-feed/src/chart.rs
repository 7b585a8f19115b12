//! Charts of values over time, drawn as one page of SVG.

use std::fmt::Display;

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::{PathElement, Text};
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color as _, IntoFont as _, RGBColor, WHITE};
use thiserror::Error;

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartLine {
    /// Its name in the legend.
    pub name: String,
    /// Times and the values from then on: lines are steps.
    pub points: Vec<(f64, f64)>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartPanel {
    /// Its title.
    pub title: String,
    /// The quantity on its vertical axis, with the unit.
    pub values: String,
    /// The least and the largest value.
    pub range: [f64; 2],
    /// Its lines.
    pub lines: Vec<ChartLine>,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChartError {
    /// Nothing to draw, or a range that is none.
    #[error("{0} has nothing to draw; give it a time and a range above 0")]
    Empty(String),
    /// The drawing itself.
    #[error("the chart can't be drawn: {0}")]
    Drawing(String),
}

/// Of a panel, in pixels.
const WIDTH: u32 = 700;
const HEIGHT: u32 = 280;
/// Of the legend beside it.
const LEGEND: u32 = 130;
/// Above all panels.
const HEAD: u32 = 40;

/// Colours that can be distinguished with red-green blindness (Okabe and Ito), then greys.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(170, 170, 170),
];

/// Draws rows of panels over the same time, from 0 to `end`, which is called `time`.
///
/// # Errors
/// A page without panels, a range without extent.
pub fn draw(
    title: &str,
    time: &str,
    end: f64,
    rows: &[Vec<ChartPanel>],
) -> Result<String, ChartError> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let all = || rows.iter().flatten();
    let [n_columns, n_rows] = [columns, rows.len()].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let empty = all().find(|panel| !is_range(panel.range)).map(|panel| panel.title.clone());
    if let Some(title) = empty {
        return Err(ChartError::Empty(title));
    }
    let size =
        (WIDTH.saturating_mul(n_columns), HEIGHT.saturating_mul(n_rows).saturating_add(HEAD));
    if n_columns == 0 || !is_range([0.0, end]) {
        return Err(ChartError::Empty(title.to_owned()));
    }
    let mut text = String::new();
    {
        let page = SVGBackend::with_string(&mut text, size).into_drawing_area();
        page.fill(&WHITE).map_err(drawing)?;
        let page = page.titled(title, ("sans-serif", 20)).map_err(drawing)?;
        let areas = page.split_evenly((rows.len(), columns));
        for (row, areas) in rows.iter().zip(areas.chunks(columns)) {
            for (panel, area) in row.iter().zip(areas) {
                draw_panel(panel, time, end, area).map_err(drawing)?;
            }
        }
        page.present().map_err(drawing)?;
    }
    Ok(text)
}

fn is_range([low, high]: [f64; 2]) -> bool {
    low.is_finite() && high.is_finite() && low < high
}

fn drawing(error: impl Display) -> ChartError {
    ChartError::Drawing(error.to_string())
}

type Area<'a> = plotters::drawing::DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type AreaError = plotters::drawing::DrawingAreaErrorKind<std::io::Error>;

fn draw_panel(panel: &ChartPanel, time: &str, end: f64, area: &Area<'_>) -> Result<(), AreaError> {
    let [low, high] = panel.range;
    // The legend has a strip of its own: no line is hidden.
    let (plot, legend) = area.split_horizontally(WIDTH - LEGEND);
    let mut chart = ChartBuilder::on(&plot)
        .caption(&panel.title, ("sans-serif", 15).into_font())
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..end, low..high)?;
    chart
        .configure_mesh()
        .x_desc(time)
        .y_desc(&panel.values)
        .x_labels(13)
        .y_labels(6)
        .max_light_lines(0)
        .bold_line_style(BLACK.mix(0.12))
        .axis_desc_style(("sans-serif", 13))
        .label_style(("sans-serif", 12))
        .draw()?;
    let colours = COLOURS.into_iter().cycle();
    for ((line, colour), y) in panel.lines.iter().zip(colours).zip((50..).step_by(18)) {
        let style = colour.stroke_width(2);
        chart.draw_series(LineSeries::new(steps(&line.points, end), style))?;
        legend.draw(&PathElement::new([(0, y), (16, y)], style))?;
        legend.draw(&Text::new(line.name.as_str(), (22, y - 6), ("sans-serif", 12)))?;
    }
    Ok(())
}

/// Each value until the next one's time.
fn steps(points: &[(f64, f64)], end: f64) -> Vec<(f64, f64)> {
    let ends = points.iter().skip(1).map(|(time, _)| *time).chain([end]);
    points.iter().zip(ends).flat_map(|(&(from, value), to)| [(from, value), (to, value)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(range: [f64; 2]) -> ChartPanel {
        let line = ChartLine { name: "a < b".to_owned(), points: vec![(0.0, 1.0), (3.0, 2.0)] };
        ChartPanel { title: "t".to_owned(), values: "v (%)".to_owned(), range, lines: vec![line] }
    }

    #[test]
    fn a_page_says_what_its_axes_and_lines_are() {
        let text =
            draw("title", "hours", 5.0, &[vec![panel([0.0, 4.0]), panel([0.0, 9.0])]]).unwrap();
        assert!(text.starts_with("<svg width=\"1400\" height=\"320\""), "{text}");
        for part in ["title", "hours", "v (%)", "a &lt; b"] {
            assert!(text.contains(part), "{part} isn't in {text}");
        }
        assert_eq!(text.matches("<polyline").count() % 2, 0);
    }

    #[test]
    fn a_line_keeps_its_value_until_the_next() {
        let line = [(0.0, 1.0), (3.0, 2.0)];
        assert_eq!(steps(&line, 5.0), [(0.0, 1.0), (3.0, 1.0), (3.0, 2.0), (5.0, 2.0)]);
        assert_eq!(steps(&[], 5.0), []);
    }

    #[test]
    fn what_cant_be_drawn_is_refused() {
        let error =
            |end, rows: &[Vec<ChartPanel>]| draw("p", "h", end, rows).unwrap_err().to_string();
        let said =
            |what: &str| format!("{what} has nothing to draw; give it a time and a range above 0");
        assert_eq!(error(1.0, &[]), said("p"));
        assert_eq!(error(0.0, &[vec![panel([0.0, 1.0])]]), said("p"));
        assert_eq!(error(1.0, &[vec![panel([1.0, 1.0])]]), said("t"));
        assert_eq!(error(1.0, &[vec![panel([0.0, f64::NAN])]]), said("t"));
    }
}
