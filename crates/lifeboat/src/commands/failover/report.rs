//! `lifeboat failover report`: what the organiser sends the client next morning.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::control::Which;
use crate::api::Call;
use crate::args::Output;
use crate::commands::Context;
use crate::exit::Outcome;
use crate::ui;

/// Which report, in which form.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    which: Which,
    /// The form; else what the file's ending says, else Markdown.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write it to a file instead of printing it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For programs.
    Json,
    /// For a mail or a wiki.
    Markdown,
    /// A page that needs nothing but itself, to be mailed, kept or printed.
    Html,
}

impl ReportArgs {
    /// The form that is wanted; `--output json` is a wish for JSON, too.
    fn format(&self, output: Output) -> Format {
        let by_ending = || match self.out.as_deref().and_then(Path::extension)?.to_str()? {
            "html" | "htm" => Some(Format::Html),
            "json" => Some(Format::Json),
            _ => None,
        };
        let by_output = || (output == Output::Json).then_some(Format::Json);
        self.format.or_else(by_ending).or_else(by_output).unwrap_or(Format::Markdown)
    }
}

/// Prints a report, or writes it to a file.
///
/// # Errors
/// When the API refuses or is out of reach, or the file cannot be written.
pub(super) async fn run(args: &ReportArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let path = format!("{}/report", args.which.path(ctx).await?);
    let text = match args.format(ctx.output) {
        Format::Json => format!("{:#}\n", ctx.api.get(path).await?),
        Format::Markdown => text(ctx, path, "markdown").await?,
        Format::Html => text(ctx, path, "html").await?,
    };
    match &args.out {
        Some(file) => {
            std::fs::write(file, text)
                .with_context(|| format!("{} cannot be written", file.display()))?;
            ui::note(format_args!("wrote {}", file.display()));
        }
        None => ui::answer(text.trim_end())?,
    }
    Ok(Outcome::Done)
}

async fn text(ctx: &Context, path: String, format: &str) -> anyhow::Result<String> {
    Ok(ctx.api.text(Call::get(path).accept("*/*").query("format", format)).await?.1)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        report: ReportArgs,
    }

    #[test]
    fn the_form_is_what_was_said_else_the_ending_of_the_file_else_markdown() {
        for (line, output, format) in [
            ("fo_1", Output::Table, Format::Markdown),
            ("fo_1", Output::Json, Format::Json),
            ("fo_1 --out r.html", Output::Table, Format::Html),
            ("fo_1 --out r.json", Output::Table, Format::Json),
            ("fo_1 --out r.txt --format html", Output::Json, Format::Html),
        ] {
            let words = std::iter::once("t").chain(line.split_whitespace());
            let typed = Typed::try_parse_from(words).unwrap();
            assert_eq!(typed.report.format(output), format, "{line}");
        }
    }
}
