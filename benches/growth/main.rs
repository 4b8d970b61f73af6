//! Measures how cost grows with the cluster: runs the whole command on generated dumps of growing size, and draws
//! what each stage took.
//!
//! `cargo build --release && cargo run --release -p podreach-benches` writes `reports/growth/`: `growth.csv` with every
//! figure, and the curves of CPU time and of memory. Give a number of pods to stop there.

// By path, as the benches do.
#[path = "../../examples/synth/generator.rs"]
mod generator;

mod draw;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use generator::{Format, Recipe, Shape};

/// Folder of the results.
const FOLDER: &str = "reports/growth";

/// The series that are measured: a name, how the dump is generated, and the numbers of pods.
const SERIES: [(&str, Shape, Format, &[u32]); 5] = [
    ("A, JSON", Shape::A, Format::Json, &[1_000, 3_000, 10_000, 30_000, 100_000, 150_000]),
    ("A, YAML", Shape::A, Format::Yaml, &[1_000, 3_000, 10_000, 30_000]),
    ("C, JSON", Shape::C, Format::Json, &[1_000, 3_000, 10_000, 30_000, 100_000, 150_000]),
    ("D, JSON", Shape::D, Format::Json, &[1_000, 3_000, 10_000, 30_000, 100_000]),
    ("E, JSON", Shape::E, Format::Json, &[100, 300, 1_000, 2_400]),
];

/// Number of runs of each; the run that took least counts, since whatever else runs there only adds to it.
const TIMES: usize = 3;

/// One run of the command.
#[derive(Clone, Debug)]
struct Run {
    series: &'static str,
    pods: u32,
    /// Size of the dump in bytes.
    bytes: u64,
    /// CPU seconds of each stage, in order.
    stages: Vec<(String, f64)>,
    /// Peak memory of the process in MiB.
    peak: f64,
}

impl Run {
    fn seconds_of(&self, stages: &[&str]) -> f64 {
        self.stages.iter().filter(|(name, _)| stages.contains(&name.as_str())).map(|(_, cpu)| cpu).sum()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let largest = match std::env::args().nth(1) {
        Some(number) => number.parse()?,
        None => u32::MAX,
    };
    let binary = beside_this_program()?;
    let dumps = tempfile::tempdir()?;
    let mut runs = Vec::new();
    for (series, shape, format, sizes) in SERIES {
        for &pods in sizes.iter().filter(|&&pods| pods <= largest) {
            let path = dumps.path().join(if format == Format::Json { "dump.json" } else { "dump.yaml" });
            let mut file = BufWriter::new(File::create(&path)?);
            generator::write(&Recipe::new(shape, Some(usize::try_from(pods)?)), format, &mut file)?;
            file.flush()?;
            let measured: Result<Vec<Run>, _> =
                (0..TIMES).map(|_| measure(&binary, series, pods, &path)).collect();
            let took = |run: &Run| run.seconds_of(draw::STAGES);
            let least = measured?.into_iter().min_by(|one, other| took(one).total_cmp(&took(other)));
            let run = least.ok_or("run not even once")?;
            writeln!(std::io::stderr(), "{series} {pods}: {:.3} s", run.seconds_of(draw::STAGES))?;
            runs.push(run);
        }
    }
    fs::create_dir_all(FOLDER)?;
    write_csv(&runs, &Path::new(FOLDER).join("growth.csv"))?;
    draw::stages(&runs, "A, JSON", &Path::new(FOLDER).join("stages.svg"))?;
    draw::after_reading(&runs, &Path::new(FOLDER).join("solving.svg"))?;
    draw::memory(&runs, &Path::new(FOLDER).join("memory.svg"))?;
    Ok(())
}

/// The command, which cargo puts beside this program.
fn beside_this_program() -> Result<PathBuf, Box<dyn Error>> {
    let binary =
        std::env::current_exe()?.with_file_name("podreach").with_extension(std::env::consts::EXE_EXTENSION);
    if binary.exists() { Ok(binary) } else { Err("run `cargo build --release` first".into()) }
}

/// Runs `matrix --summary --timings` and reads what it says of its stages.
fn measure(binary: &Path, series: &'static str, pods: u32, dump: &Path) -> Result<Run, Box<dyn Error>> {
    let output = Command::new(binary).args(["matrix", "--summary", "--timings", "-f"]).arg(dump).output()?;
    let said = String::from_utf8(output.stderr)?;
    if !output.status.success() {
        return Err(said.into());
    }
    let (mut stages, mut peak) = (Vec::new(), 0.0_f64);
    for line in said.lines() {
        // `load   0.291 s  cpu   0.262 s  peak   198 MiB`
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [stage, _, "s", "cpu", cpu, "s", "peak", mib, "MiB"] = words[..] {
            stages.push((stage.to_owned(), cpu.parse()?));
            peak = peak.max(mib.parse()?);
        }
    }
    Ok(Run { series, pods, bytes: fs::metadata(dump)?.len(), stages, peak })
}

fn write_csv(runs: &[Run], path: &Path) -> std::io::Result<()> {
    let mut csv = BufWriter::new(File::create(path)?);
    writeln!(csv, "series,pods,input kB,load,build,compile,solve,count,CPU s,peak MiB")?;
    for run in runs {
        let stages: Vec<String> =
            draw::STAGES.iter().map(|stage| format!("{:.3}", run.seconds_of(&[stage]))).collect();
        let (kilobytes, cpu) = (run.bytes / 1_000, run.seconds_of(draw::STAGES));
        let Run { series, pods, peak, .. } = run;
        writeln!(csv, "\"{series}\",{pods},{kilobytes},{},{cpu:.3},{peak:.0}", stages.join(","))?;
    }
    csv.flush()
}
