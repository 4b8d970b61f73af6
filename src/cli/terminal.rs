//! The colours and signs that the terminal can show.

use anstream::AutoStream;
use anstream::stream::RawStream;
use podreach::render::style::Palette;

use super::args::ColorMode;

/// The colours of a stream, and the signs of Unicode if it is a terminal that has them.
pub(super) fn palette(color: ColorMode, stream: &impl RawStream) -> Palette {
    let coloured = match color {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto => AutoStream::choice(stream) != anstream::ColorChoice::Never,
    };
    let has_unicode = stream.is_terminal() && has_unicode(|name| std::env::var(name).ok());
    Palette::new(coloured).with_unicode(has_unicode)
}

/// True if the environment names a terminal that shows UTF-8, and has more signs than the console of Linux.
fn has_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    if cfg!(windows) {
        return true;
    }
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    let terminal = set("TERM").is_some_and(|terminal| !matches!(&*terminal, "dumb" | "linux"));
    terminal && (locale.contains("utf-8") || locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn the_first_locale_that_is_set_counts() {
        for (variables, expected) in [
            (&[("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")][..], true),
            (&[("TERM", "xterm"), ("LC_CTYPE", "C.utf8"), ("LANG", "C")], true),
            (&[("TERM", "xterm"), ("LC_ALL", ""), ("LANG", "en_US.UTF-8")], true),
            (&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], false),
            (&[("TERM", "xterm"), ("LANG", "en_US.ISO-8859-1")], false),
            (&[("TERM", "xterm")], false),
            (&[("TERM", "dumb"), ("LANG", "en_US.UTF-8")], false),
            (&[("TERM", "linux"), ("LANG", "en_US.UTF-8")], false),
            (&[("LANG", "en_US.UTF-8")], false),
        ] {
            let value = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(has_unicode(value), expected, "{variables:?}");
        }
    }
}
