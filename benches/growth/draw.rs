//! The curves.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::{Run, SERIES};

/// The stages of a count, in order.
pub(crate) const STAGES: &[&str] = &["load", "build", "compile", "solve", "count"];

/// Colours that the colour-blind can tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// A named line of points.
type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// CPU seconds of each stage of one series.
pub(crate) fn stages(runs: &[Run], series: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let lines: Vec<Line<'_>> =
        STAGES.iter().map(|&stage| (stage, points(runs, series, |run| run.seconds_of(&[stage])))).collect();
    chart(&format!("Shape {series}: CPU seconds of each stage"), "CPU s", &lines, path)
}

/// CPU seconds of all that follows reading, for each series.
pub(crate) fn after_reading(runs: &[Run], path: &Path) -> Result<(), Box<dyn Error>> {
    let lines = each_series(runs, |run| run.seconds_of(&STAGES[1..]));
    chart("CPU seconds after reading: build, compile, solve and count", "CPU s", &lines, path)
}

/// The peak of memory, for each series.
pub(crate) fn memory(runs: &[Run], path: &Path) -> Result<(), Box<dyn Error>> {
    chart("Peak memory of the process, input included", "MiB", &each_series(runs, |run| run.peak), path)
}

fn each_series(runs: &[Run], value: impl Fn(&Run) -> f64) -> Vec<Line<'static>> {
    SERIES.iter().map(|&(series, ..)| (series, points(runs, series, &value))).collect()
}

fn points(runs: &[Run], series: &str, value: impl Fn(&Run) -> f64) -> Vec<(f64, f64)> {
    let runs = runs.iter().filter(|run| run.series == series);
    // A logarithm has no place for what is too short to measure.
    runs.map(|run| (f64::from(run.pods), value(run))).filter(|&(_, value)| value > 0.0).collect()
}

/// Lines over the number of pods, both axes logarithmic: a straight line at 45 degrees is linear growth.
fn chart(title: &str, unit: &str, lines: &[Line<'_>], path: &Path) -> Result<(), Box<dyn Error>> {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (x_low, x_high) = bounds(&mut all().map(|point| point.0));
    let (y_low, y_high) = bounds(&mut all().map(|point| point.1));
    if x_high <= 0.0 {
        return Err("nothing was measured".into());
    }
    let area = SVGBackend::new(path, (860, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (x_low * 0.9..x_high * 1.1).log_scale(),
            (y_low * 0.8..y_high * 1.3).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("pods")
        .y_desc(unit)
        .x_label_formatter(&|pods| format!("{pods:.0}"))
        .y_label_formatter(&|value| format!("{value}"))
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    area.present()?;
    Ok(())
}
